"""The only module that talks to a language model: any endpoint that speaks OpenAI's chat completions.

Works with OpenAI, Ollama, vLLM, LM Studio, llama.cpp and the like. What an endpoint does not know is left
out after its first refusal: structured output by JSON schema, then by JSON object with the schema, then
without it, then plain text from which the JSON is taken; `max_tokens`; a temperature.
"""

import asyncio
import json
import re
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol, Self, cast, get_origin

import openai
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletion
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from pipeline.errors import ModelFailed, RateLimited
from pipeline.model import Seconds

type Look = Callable[[], None]
"""Called twice a second while an answer is awaited; may raise `Cancelled`."""

_RETRIES = 2  # of a call that could not connect, timed out, or met an overloaded server
_LOOK_EVERY: Seconds = 0.5
_NO_KEY = "none"  # servers on the own machine want none, and the client insists on one
_REFUSALS = (400, 404, 415, 422, 500, 501)
_NOT_ABOUT_FORM = (
    "context length", "context_length", "context window", "too many tokens", "exceed", "model not found",
    "model_not_found", "does not exist",
)  # fmt: skip
BROKE_OFF = "the answer was too long and broke off; answer more briefly"
_FORMS = ("json_schema", "json_object with schema", "json_object", "text")
_FENCED = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL)


class BadAnswer(Exception):
    """The model answered, but not in the form asked for.

    `text` is what it said, `whole` what of it is complete and valid when it broke off, if anything is.
    """

    def __init__(self, text: str, reason: str, whole: BaseModel | None = None) -> None:
        super().__init__(reason)
        self.text = text
        self.reason = reason
        self.whole = whole


class Llm(Protocol):
    """Whoever can answer in a given form."""

    @property
    def model(self) -> str:
        """The model's name."""
        ...

    def answer[T: BaseModel](self, schema: type[T], system: str, user: str) -> T:
        """An answer to `user` that fits `schema`.

        Raises BadAnswer when the model's words do not fit, ModelFailed when it cannot be reached.
        """
        ...


class Endpoint:
    """A model behind an OpenAI-compatible `base_url`.

    `api_key` is the only key that is ever sent: the environment's OPENAI_API_KEY, organisation and project
    are not looked at. `look` lets a waiting caller give up: what it raises ends the call and the connection.
    To be used in a `with`: it holds connections, which it closes at the end.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key: str | None,
        temperature: float,
        timeout: Seconds,
        answer_tokens: int,
        look: Look,
    ) -> None:
        self._base_url = base_url
        self._model = model
        self._look = look
        self._runner = asyncio.Runner()
        self._client = AsyncOpenAI(
            base_url=base_url, api_key=api_key or _NO_KEY, timeout=timeout, max_retries=_RETRIES
        )
        self._client.organization = self._client.project = None  # it takes them from the environment
        self._form = _FORMS[0]
        self._extras: dict[str, Any] = {"temperature": temperature, "max_tokens": answer_tokens}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.run(self._client.close())
        self._runner.close()

    @property
    def model(self) -> str:
        """The model's name."""
        return self._model

    def answer[T: BaseModel](self, schema: type[T], system: str, user: str) -> T:
        """See `Llm.answer`."""
        completion = self._runner.run(self._complete(schema, system, user))
        if not completion.choices:
            raise BadAnswer("", "the answer is empty")
        choice = completion.choices[0]
        text = choice.message.content or ""
        try:
            return parse(schema, text)
        except BadAnswer as error:
            if choice.finish_reason == "length":
                raise BadAnswer(text, BROKE_OFF, salvaged(schema, text)) from error
            raise

    async def _complete(self, schema: type[BaseModel], system: str, user: str) -> ChatCompletion:
        while True:
            try:
                return await self._watched(self._ask(schema, system, user))
            except openai.APIStatusError as error:
                if not self._concede(error):
                    raise _failed(self._base_url, self._model, error) from error
            except openai.OpenAIError as error:
                raise _failed(self._base_url, self._model, error) from error

    async def _watched(self, call: Any) -> ChatCompletion:
        """Waits for `call`, looking up twice a second; gives it up when `look` raises."""
        waiting = asyncio.ensure_future(call)
        try:
            while not waiting.done():
                await asyncio.wait({waiting}, timeout=_LOOK_EVERY)
                self._look()
        finally:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        return cast(ChatCompletion, waiting.result())

    async def _ask(self, schema: type[BaseModel], system: str, user: str) -> ChatCompletion:
        messages = [{"role": "system", "content": system}, {"role": "user", "content": user}]
        if self._form != "json_schema":
            messages[0]["content"] += "\n\n" + _in_words(schema)
        arguments = {**self._extras, **_response_format(self._form, schema)}
        answer = await self._client.chat.completions.create(
            model=self._model, messages=cast(Any, messages), **arguments
        )
        if not isinstance(answer, ChatCompletion):  # a server that answers with a page is no endpoint
            raise openai.OpenAIError("it answered with something else than a chat completion")
        return answer

    def _concede(self, error: openai.APIStatusError) -> bool:
        """Whether there is something less to ask for after this refusal; asks for it from now on."""
        if error.status_code not in _REFUSALS:
            return False
        said = str(error).casefold()
        if "max_tokens" in said and "max_tokens" in self._extras:
            self._extras["max_completion_tokens"] = self._extras.pop("max_tokens")
        elif "temperature" in said and "temperature" in self._extras:
            del self._extras["temperature"]
        elif _is_about_something_else(said) or self._form == _FORMS[-1]:
            return False
        else:
            self._form = _FORMS[_FORMS.index(self._form) + 1]
        return True


def parse[T: BaseModel](schema: type[T], text: str) -> T:
    """The JSON in `text` as `schema`; words around it and a fence are passed over.

    Raises BadAnswer with the reason in words that a model can act on.
    """
    try:
        return schema.model_validate_json(_json_in(text))
    except ValidationError as error:
        first = error.errors(include_url=False)[:3]
        reasons = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'answer'}: {one['msg']}" for one in first)
        raise BadAnswer(text, reasons) from error


def salvaged[T: BaseModel](schema: type[T], text: str) -> T | None:
    """What is complete of an answer that broke off: lists without their last, half-written item."""
    try:
        data = from_json(text[max(0, text.find("{")) :], allow_partial=True)
    except ValueError:
        return None
    if not isinstance(data, dict):
        return None
    lists = [name for name, about in schema.model_fields.items() if get_origin(about.annotation) is list]
    data = {name: [] for name in lists} | data
    begun = [name for name in lists if data[name]]
    try:
        return schema.model_validate(data)
    except ValidationError:
        shorter: dict[str, Any] = {begun[-1]: data[begun[-1]][:-1]} if begun else {}
    try:
        return schema.model_validate(data | shorter)
    except ValidationError:
        return None


def _json_in(text: str) -> str:
    fenced = _FENCED.search(text)
    inside = fenced[1] if fenced else text
    start, end = inside.find("{"), inside.rfind("}")
    return inside[start : end + 1] if 0 <= start < end else inside


def _response_format(form: str, schema: type[BaseModel]) -> dict[str, Any]:
    if form == "text":
        return {}
    if form == "json_object":
        return {"response_format": {"type": "json_object"}}
    if form == "json_object with schema":  # llama-cpp-python, whose grammar then allows nothing else
        return {"response_format": {"type": "json_object", "schema": strict_schema(schema)}}
    body = {"name": schema.__name__, "schema": strict_schema(schema), "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": body}}


def strict_schema(schema: type[BaseModel]) -> dict[str, Any]:
    """The JSON schema of `schema` with every property required, as structured output wants it."""
    plain = json.loads(json.dumps(schema.model_json_schema()))
    for part in [plain, *plain.get("$defs", {}).values()]:
        if part.get("type") == "object":
            part["additionalProperties"] = False
            part["required"] = list(part.get("properties", {}))
    return cast(dict[str, Any], plain)


def _in_words(schema: type[BaseModel]) -> str:
    shape = json.dumps(strict_schema(schema), ensure_ascii=False, separators=(",", ":"))
    return f"Answer with one JSON object and nothing else. It must fit this JSON schema: {shape}"


def _is_about_something_else(said: str) -> bool:
    """Whether a refusal has a reason that asking for another form does not change."""
    return any(sign in said for sign in _NOT_ABOUT_FORM)


def _failed(base_url: str, model: str, error: openai.OpenAIError) -> ModelFailed:
    kind = RateLimited if isinstance(error, openai.RateLimitError) else ModelFailed
    return kind(f"the language model `{model}` at {base_url} {_reason(error)}")


def _reason(error: openai.OpenAIError) -> str:
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return reason
    status = f" (status {error.status_code})" if isinstance(error, openai.APIStatusError) else ""
    said = re.sub(r"\s+", " ", str(error))[:200].rstrip(" .")
    return f"could not be used{status}: {said}; see `base_url`, `model` and `context_tokens`"


_REASONS: tuple[tuple[type[openai.OpenAIError], str], ...] = (
    (openai.APITimeoutError, "did not answer in time: see whether it is overloaded, or raise `timeout`"),
    (openai.APIConnectionError, "cannot be reached: start its server, or correct `base_url`"),
    (openai.AuthenticationError, "refused the key (status 401): set `api_key` to one that it accepts"),
    (openai.PermissionDeniedError, "refused the key (status 403): set `api_key` to one that may use it"),
    (openai.NotFoundError, "is not known there (status 404): correct `model` or `base_url`"),
    (openai.RateLimitError, "takes no more calls for now (status 429): try later, or raise its limit"),
)
