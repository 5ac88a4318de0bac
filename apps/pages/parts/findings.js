// What is claimed of an episode; beside each claim the moments that it rests on, to be heard by a click. Those who may
// change claims write into them: what is typed is told half a second after the last key ("workbench:edit").
const element = (name, className = "", text = "") => {
  const made = document.createElement(name)
  if (className) made.className = className
  made.textContent = text
  return made
}
const TYPED = 500, LONGEST = 2000  // milliseconds after the last key, and after the first that is not told yet
const fresh = () => crypto.getRandomValues(new Uint32Array(3)).join("-")
const tell = (edit, id) => document.dispatchEvent(new CustomEvent("workbench:edit", {detail: {edit, id}}))

// A text in which one can write: one edit from coming into it to leaving it, told again as it grows.
const writable = (claim) => {
  const text = element("span", "text", claim.text)
  if (!claim.edit) return text
  text.contentEditable = "plaintext-only"
  text.setAttribute("role", "textbox")
  text.setAttribute("aria-label", claim.label)
  if (claim.lines) text.setAttribute("aria-multiline", "true")
  text.spellcheck = true
  let id = "", timer = 0, since = 0, before = claim.text
  const now = () => text.textContent.replace(/\s+/g, " ").trim()
  const send = () => {
    clearTimeout(timer)
    since = 0
    if (now() === before || !now()) return
    before = now()
    tell({...claim.edit, text: before}, id)
  }
  text.onfocus = () => { id = fresh(); before = now() }
  text.oninput = () => {
    const moment = performance.now()
    since ||= moment
    clearTimeout(timer)
    timer = setTimeout(send, Math.max(0, Math.min(TYPED, since + LONGEST - moment)))
  }
  text.onblur = () => { send(); if (!now()) text.textContent = before }
  text.onkeydown = (event) => {
    if (event.key === "Enter" || event.key === "Escape") { event.preventDefault(); text.blur() }
  }
  return text
}

const row = (model, claim) => {
  const item = element("li", claim.quoted ? "quoted" : "")
  if (claim.text.length > 120) item.classList.add("long")
  item.text = writable(claim)
  item.append(item.text, ...claim.moments.map((moment) => {
    const button = element("button", "", moment.clock)
    button.type = "button"
    button.setAttribute("aria-label", `Play at ${moment.clock}`)
    button.onclick = () => model.send_msg({at: moment.at})
    return button
  }))
  if (claim.remove) {
    const out = element("button", "out", "×")
    out.type = "button"
    out.title = "Leave out (Undo brings it back)"
    out.setAttribute("aria-label", `Leave out: ${claim.text.slice(0, 80)}`)
    out.onclick = () => tell(claim.remove)
    item.append(out)
  }
  return item
}

export function render({model}) {
  const root = element("div", "claims"), known = new Map()
  const show = () => {
    const here = new Set()
    root.replaceChildren(...model.sections.map(({title, claims}) => {
      const section = element("section", title.toLowerCase().replace(" ", "-")), list = element("ul")
      section.append(element("h2", "", title), list)
      for (const claim of claims) {
        here.add(claim.key)
        const text = JSON.stringify(claim)
        let kept = known.get(claim.key)
        const busy = kept && kept.item.text.matches(":focus")  // nobody writes into what is being written
        if (!kept || (kept.text !== text && !busy)) {
          kept = {item: row(model, claim), text}
          known.set(claim.key, kept)
        }
        list.append(kept.item)
      }
      return section
    }))
    for (const key of known.keys()) if (!here.has(key)) known.delete(key)
  }
  // What has the focus stays where it is: moving it would take the focus away.
  const look = () => {
    const writing = [...known.values()].find((each) => each.item.text.matches(":focus"))
    if (writing) writing.item.text.addEventListener("blur", () => requestAnimationFrame(show), {once: true})
    else show()
  }
  model.on("sections", look)
  show()
  return root
}
