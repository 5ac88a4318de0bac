// Sentences that were found, each a link to the moment when it is said; the words that were looked for are marked.
export function render({model}) {
  const root = document.createElement("section")
  const title = document.createElement("h2"), list = document.createElement("ul"), note = document.createElement("p")
  title.textContent = "In what was said"
  title.id = "said"
  root.setAttribute("aria-labelledby", "said")
  note.className = "soft"
  note.setAttribute("role", "status")
  root.append(title, list, note)

  const element = (name, className, text) => {
    const made = document.createElement(name)
    if (className) made.className = className
    made.textContent = text
    return made
  }

  const row = (one) => {
    const item = document.createElement("li"), link = element("a", "moment", "")
    link.href = one.address
    const where = element("span", "where", "")
    where.append(element("strong", "", one.title), element("span", "clock", one.clock))
    if (one.speaker) where.append(element("span", "soft", one.speaker))
    const said = element("span", "said", "")
    for (const [text, found] of one.pieces) said.append(found ? element("mark", "", text) : text)
    link.append(where, " ", said)
    item.append(link)
    return item
  }

  const show = () => list.replaceChildren(...model.items.map(row))
  const tell = () => { note.textContent = model.note; note.hidden = !model.note }
  model.on("items", show)
  model.on("note", tell)
  show()
  tell()
  return root
}
