// The clip in hand in words, and buttons that move its start and its end: by a word, or with Shift by a sentence.
const element = (name, className = "", text = "") => {
  const made = document.createElement(name)
  if (className) made.className = className
  made.textContent = text
  return made
}
const MOVES = [["Start", "first"], ["End", "end"]]

export function render({model}) {
  const root = element("section", "edges")
  root.setAttribute("aria-label", "Where the clip starts and ends")
  const told = element("p"), heading = element("strong"), said = element("span"), where = element("span", "soft where")
  told.setAttribute("role", "status")
  told.append(heading, said, where)
  const buttons = element("div", "buttons")
  const press = (text, label, ask) => {
    const made = element("button", "", text)
    made.type = "button"
    made.setAttribute("aria-label", label)
    made.onclick = ask
    buttons.append(made)
    return made
  }
  press("Play the clip", "Play the clip in the recording", () => model.send_msg({edge: ""}))
  if (model.editable) {
    for (const [name, edge] of MOVES) {
      for (const way of ["earlier", "later"]) {
        const made = press(`${name} ${way}`, `${name} ${way} by a word, with Shift by a sentence`, (event) =>
          model.send_msg({edge, way, by: event.shiftKey ? "sentence" : "word"}))
        made.title = "By a word; with Shift, by a sentence"
      }
    }
    buttons.append(element("span", "soft", "By a word; with Shift, by a sentence. Or drag the edges of the box."))
  }
  root.append(told, buttons)
  const show = () => {
    heading.textContent = model.heading
    said.textContent = ` “${model.first} … ${model.last}” `
    where.textContent = model.where
  }
  for (const name of ["heading", "first", "last", "where"]) model.on(name, show)
  const scroll = () => root.scrollIntoView({block: "nearest", behavior: "smooth"})
  model.on("shown", scroll)
  if (model.shown) requestAnimationFrame(scroll)
  show()
  return root
}
