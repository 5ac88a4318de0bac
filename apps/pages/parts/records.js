// A table of texts, with a button at the end of a row that has something to do.
export function render({model}) {
  const frame = document.createElement("div"), table = document.createElement("table")
  frame.className = "scroll"
  const show = () => {
    const caption = document.createElement("caption"), head = document.createElement("tr")
    caption.textContent = model.caption
    const acts = model.rows.some((row) => row.act)
    for (const text of model.heads) {
      const cell = document.createElement("th")
      cell.scope = "col"
      cell.textContent = text
      head.append(cell)
    }
    if (acts) head.append(Object.assign(document.createElement("td"), {className: "last"}))
    const rows = model.rows.map((row) => {
      const line = document.createElement("tr")
      for (const [place, text] of row.cells.entries()) {
        const cell = document.createElement("td")
        cell.dataset.head = model.heads[place]
        cell.textContent = text
        line.append(cell)
      }
      if (acts) {
        const cell = document.createElement("td")
        if (row.act) {
          const button = document.createElement("button")
          button.type = "button"
          button.textContent = row.act
          button.setAttribute("aria-label", `${row.act}: ${row.cells[0]}`)
          button.onclick = () => { button.disabled = true; model.send_msg({key: row.key}) }
          cell.append(button)
        }
        line.append(cell)
      }
      return line
    })
    const top = document.createElement("thead"), body = document.createElement("tbody")
    top.append(head)
    body.append(...rows)
    const none = document.createElement("p")
    none.className = "soft"
    none.textContent = model.none
    table.replaceChildren(caption, top, body)
    frame.replaceChildren(table, ...(rows.length ? [] : [none]))
  }
  model.on("msg:custom", () => {
    for (const button of table.querySelectorAll("button")) button.disabled = false
  })
  for (const name of ["rows", "heads", "caption", "none"]) model.on(name, show)
  show()
  return frame
}
