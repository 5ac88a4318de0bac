// The desk over an episode: what was changed is kept at once, undone and made again from here. Edits come as events of
// the page ("workbench:edit") and wait in this browser's storage until the server has them, so that neither a server
// that is away nor a page that is closed loses what was typed.
const element = (name, className = "", text = "") => {
  const made = document.createElement(name)
  if (className) made.className = className
  made.textContent = text
  return made
}
const STATES = {proposed: "Proposed", "in review": "In review", approved: "Approved", published: "Published"}
const PATIENCE = 5000  // milliseconds between tries at the most

// What waits, one item an edit: tabs with the same episode keep theirs beside each other, and a page that comes sends
// them all. Without storage, what waits is lost with the page.
class Shelf {
  constructor(episode) { this.prefix = `workbench:edit:${episode}:` }

  all() {
    try {
      const keys = Object.keys(localStorage).filter((key) => key.startsWith(this.prefix))
      return keys.map((key) => JSON.parse(localStorage.getItem(key))).sort((one, other) => one.at - other.at)
    } catch { return [] }
  }

  put(item) {
    try {
      localStorage.setItem(this.prefix + item.id, JSON.stringify(item))
      item.kept = true
    } catch { /* full, or private */ }
  }

  // As the tab that wrote it last has it; null once another tab has sent it.
  latest(item) {
    try {
      const text = localStorage.getItem(this.prefix + item.id)
      return text ? JSON.parse(text) : item.kept ? null : item
    } catch { return item }
  }

  drop(item) {
    try {
      if (this.latest(item)?.at <= item.at) localStorage.removeItem(this.prefix + item.id)
    } catch { /* as above */ }
  }
}

class Line {
  constructor(episode, say) {
    const shelf = new Shelf(episode)
    Object.assign(this, {episode, say, shelf, sending: null, running: null, pause: 500, timer: 0})
    this.waiting = shelf.all().map((item) => ({...item, kept: true}))
  }

  // The same id again is the same edit, as it is now; one that is on its way is sent once more.
  add(edit, id) {
    let item = this.waiting.find((each) => each.id === id && each !== this.sending)
    if (!item) this.waiting.push(item = {id})
    Object.assign(item, {edit, at: Date.now()})
    this.shelf.put(item)
    this.go()
  }

  // Ends when nothing waits any more, or when the server does not answer.
  go() {
    clearTimeout(this.timer)
    return this.running ??= this.run().finally(() => { this.running = this.sending = null })
  }

  async run() {
    while (this.waiting.length) {
      this.sending = this.waiting[0]
      const item = this.shelf.latest(this.sending)
      if (item) {
        this.say("saving")
        if (!await this.send(item)) {
          this.say("away")
          this.timer = setTimeout(() => this.go(), this.pause)
          this.pause = Math.min(2 * this.pause, PATIENCE)
          return
        }
        this.shelf.drop(item)
      }
      this.waiting.shift()
      this.pause = 500
    }
    this.say("saved")
  }

  async send({id, edit}) {
    let answer
    try {
      answer = await fetch(`${this.episode}/edits/${id}`, {
        method: "PUT", headers: {"Content-Type": "application/json"}, body: JSON.stringify(edit),
      })
    } catch { return false }
    if (answer.ok) return true
    if (answer.status >= 500 || answer.status === 429 || answer.status === 401) return false
    const problem = await answer.json().catch(() => ({}))
    this.say("refused", problem.detail || `The server answered ${answer.status}.`)
    return true  // the same again would be refused again
  }
}

export function render({model}) {
  const root = element("section", "review")
  root.setAttribute("aria-label", "What was changed")
  const state = element("select"), box = element("label", "state-box")
  for (const [value, text] of Object.entries(STATES)) state.append(new Option(text, value))
  box.append(element("span", "", "Review"), state)
  state.setAttribute("aria-label", "Review")
  const by = element("span", "soft by")
  const button = (text, keys, act) => {
    const made = element("button", "", text)
    made.type = "button"
    made.title = keys
    made.setAttribute("aria-keyshortcuts", keys.replace("Ctrl", "Control"))
    made.onclick = act
    return made
  }
  const told = element("span", "told"), others = element("span", "others"), made = element("div", "again")
  told.setAttribute("role", "status")
  others.setAttribute("role", "status")
  let shown = "saved", refused = ""
  const say = (how, why = "") => {
    if (how === "refused") refused = why
    else if (how === "saving") refused = ""
    shown = how
    told.dataset.how = refused ? "refused" : how
    told.textContent = refused ? `Not saved: ${refused}` : {
      saved: model.edits ? "All changes saved" : "",
      saving: "Saving…",
      away: "Not saved yet: the server does not answer. What you typed is kept in this browser.",
    }[how] || ""
  }
  const line = new Line(model.address, say)

  const step = async (which) => {
    await line.go()
    if (line.waiting.length) return
    try {
      const answer = await fetch(`${model.address}/${which}`, {method: "POST"})
      if (!answer.ok && answer.status !== 409) throw new Error((await answer.json().catch(() => ({}))).detail || answer.status)
      if (answer.status === 409) told.textContent = `Nothing of yours to ${which}.`
    } catch (error) { told.textContent = `That could not be ${which === "undo" ? "undone" : "redone"} (${error.message}).` }
  }
  const undo = button("Undo", "Ctrl+Z", () => step("undo")), redo = button("Redo", "Ctrl+Shift+Z", () => step("redo"))
  const again = element("button", "main", "Make again")
  again.type = "button"
  again.onclick = () => { again.disabled = true; model.send_msg({act: "rebuild"}) }
  state.onchange = () => model.send_msg({act: "state", state: state.value})
  const sentence = element("span")
  made.append(sentence, again)

  const tools = element("div", "tools")
  tools.append(box, by, undo, redo, told, others)
  root.append(tools, made)
  const show = () => {
    state.value = model.state
    state.disabled = !model.editable
    by.textContent = model.by
    undo.hidden = redo.hidden = !model.editable
    undo.disabled = !model.can_undo && !line.waiting.length
    redo.disabled = !model.can_redo
    others.textContent = model.others
    made.hidden = !model.rebuild
    sentence.textContent = model.rebuild
    again.hidden = !model.editable
    again.disabled = model.busy
    if (shown === "saved") say("saved")
  }
  for (const name of ["state", "by", "can_undo", "can_redo", "others", "rebuild", "busy", "edits"]) model.on(name, show)

  const typing = (event) => event.composedPath().some((each) =>
    /^(INPUT|TEXTAREA|SELECT)$/.test(each.tagName || "") || each.isContentEditable)
  const pressed = (event) => {
    const key = event.key.toLowerCase()
    if (!(event.ctrlKey || event.metaKey) || event.altKey || !["z", "y"].includes(key) || typing(event)) return
    event.preventDefault()
    if (model.editable) step(key === "y" || event.shiftKey ? "redo" : "undo")
  }
  const edited = ({detail}) => {
    if (!model.editable) return
    line.add(detail.edit, detail.id || crypto.getRandomValues(new Uint32Array(3)).join("-"))
    show()
  }
  const back = (event) => { if (line.sending) event.preventDefault() }  // what waits is sent by the page that comes
  const leaves = (event) => { if (line.waiting.length && shown !== "away") event.preventDefault() }
  document.addEventListener("keydown", pressed)
  document.addEventListener("workbench:edit", edited)
  document.addEventListener("workbench:back", back)
  addEventListener("beforeunload", leaves)
  model.on("remove", () => {
    document.removeEventListener("keydown", pressed)
    document.removeEventListener("workbench:edit", edited)
    document.removeEventListener("workbench:back", back)
    removeEventListener("beforeunload", leaves)
    clearTimeout(line.timer)
  })
  if (line.waiting.length) line.go()
  say("saved")
  show()
  return root
}
