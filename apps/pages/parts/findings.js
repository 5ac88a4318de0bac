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
  item.text = writable(claim)
  item.append(item.text, ...claim.moments.map((moment) => {
    const button = element("button", "", moment.clock)
    button.type = "button"
    button.setAttribute("aria-label", `Play at ${moment.clock}`)
    button.onclick = () => model.send_msg({at: moment.at})
    return button
  }))
  if (claim.remove) {
    item.out = element("button", "out", "×")
    item.out.type = "button"
    item.out.title = "Leave out (Undo brings it back)"
    item.out.onclick = () => tell(claim.remove)
    item.append(item.out)
  }
  return item
}

// The words of a row, whose elements stay: one of its buttons may have the focus, or be under a finger.
const write = (item, claim) => {
  item.classList.toggle("long", claim.text.length > 120)
  if (item.text.textContent !== claim.text) item.text.textContent = claim.text
  if (claim.edit) item.text.setAttribute("aria-label", claim.label)
  item.out?.setAttribute("aria-label", `Leave out: ${claim.text.slice(0, 80)}`)
}

// Into its place, without moving what is there: to be moved takes the focus away.
const put = (list, node, place) => {
  if (list.children[place] !== node) list.insertBefore(node, list.children[place] || null)
}

export function render({model}) {
  const root = element("div", "claims"), known = new Map(), sections = new Map()
  const section = (title) => {
    const made = element("section", title.toLowerCase().replace(" ", "-"))
    made.list = element("ul")
    made.append(element("h2", "", title), made.list)
    sections.set(title, made)
    return made
  }
  const keep = (list, claim, place) => {
    const text = JSON.stringify(claim), kind = JSON.stringify({...claim, text: "", label: ""})
    let kept = known.get(claim.key)
    if (kept?.kind !== kind) {
      kept?.item.remove()
      kept = {item: row(model, claim), kind}
      known.set(claim.key, kept)
    }
    if (kept.text !== text) { kept.text = text; write(kept.item, claim) }
    put(list, kept.item, place)
  }
  const show = () => {
    const here = new Set(model.sections.flatMap(({title, claims}) => [title, ...claims.map(({key}) => key)]))
    for (const [key, {item}] of known) if (!here.has(key)) { item.remove(); known.delete(key) }
    for (const [title, node] of sections) if (!here.has(title)) { node.remove(); sections.delete(title) }
    model.sections.forEach(({title, claims}, place) => {
      const node = sections.get(title) || section(title)
      put(root, node, place)
      claims.forEach((claim, each) => keep(node.list, claim, each))
    })
  }
  // Nothing changes around what is being written. From there one may go on to another text: that one waits as well.
  const later = () => requestAnimationFrame(look)
  const look = () => {
    const writing = [...known.values()].find((each) => each.item.text.matches(":focus"))
    if (writing) writing.item.text.addEventListener("blur", later, {once: true})
    else show()
  }
  model.on("sections", look)
  show()
  return root
}
