"""Asks a language model for one part, lets it put faults right once, and keeps a record of both."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel

from pipeline.llm import BROKE_OFF, BadAnswer, Llm
from pipeline.model import Repair

_PROMPTS = Path(__file__).parent / "prompts"
_SHOWN_ANSWER = 400  # characters of a broken answer that are shown back: enough to recognise it
_SHOWN_FAULTS = 8
_LONGEST_REASON = 200


def prompt(name: str, **values: object) -> str:
    """The text of `prompts/<name>.md` with `values` filled in."""
    return (_PROMPTS / f"{name}.md").read_text("utf-8").format(**values).strip()


@dataclass
class Asker:
    """One conversation about one recording: what was asked is counted, what went wrong is recorded."""

    llm: Llm
    repairs: list[Repair] = field(default_factory=list)

    def ask[T: BaseModel](
        self, schema: type[T], part: str, system: str, user: str, faults_of: Callable[[T], Sequence[str]]
    ) -> T | None:
        """An answer, faults put right where the model could do that in one more try.

        It may still have faults, which the caller has to drop; None when no answer has the form asked for.
        """
        first, faults, text = self._try(schema, system, user, faults_of)
        if not faults:
            return first
        again = prompt("repair", problems=_list(faults), answer=text[:_SHOWN_ANSWER])
        second, left, _ = self._try(schema, system, f"{user}\n\n{again}", faults_of)
        if second is not None and not left:
            self.note(part, "repaired", faults[0])
        kept, wrong = (
            (first, faults) if second is None or (first and len(left) > len(faults)) else (second, left)
        )
        if kept is not None and wrong[:1] == [BROKE_OFF]:
            self.note(part, "dropped", "the answer broke off; what was complete is used")
        return kept

    def note(self, part: str, action: str, reason: str) -> None:
        """Records what was done about `part`; a fault that a model repeats is recorded once."""
        short = reason if len(reason) <= _LONGEST_REASON else reason[:_LONGEST_REASON] + "…"
        repair = Repair.model_validate({"part": part, "action": action, "reason": short})
        if repair not in self.repairs:
            self.repairs.append(repair)

    def _try[T: BaseModel](
        self, schema: type[T], system: str, user: str, faults_of: Callable[[T], Sequence[str]]
    ) -> tuple[T | None, Sequence[str], str]:
        try:
            answer = self.llm.answer(schema, system, user)
        except BadAnswer as error:
            whole = error.whole if isinstance(error.whole, schema) else None
            faults = faults_of(whole) if whole else []
            return whole, [error.reason, *faults], error.text
        return answer, faults_of(answer), answer.model_dump_json()


def _list(faults: Sequence[str]) -> str:
    return "\n".join(f"- {fault[:_LONGEST_REASON]}" for fault in faults[:_SHOWN_FAULTS])
