// What is claimed of an episode; beside each claim the moments that it rests on, to be heard by a click.
export function render({model}) {
  const root = document.createElement("div")
  root.className = "claims"
  const show = () => {
    root.replaceChildren(...model.sections.map(({title, claims}) => {
      const section = document.createElement("section"), heading = document.createElement("h2")
      heading.textContent = title
      const list = document.createElement("ul")
      list.append(...claims.map((claim) => {
        const item = document.createElement("li"), text = document.createElement("span")
        if (claim.text.length > 120) item.className = "long"
        text.textContent = claim.text
        item.append(text, ...claim.moments.map((moment) => {
          const button = document.createElement("button")
          button.type = "button"
          button.textContent = moment.clock
          button.setAttribute("aria-label", `Play at ${moment.clock}`)
          button.onclick = () => model.send_msg({at: moment.at})
          return button
        }))
        return item
      }))
      section.append(heading, list)
      return section
    }))
  }
  model.on("sections", show)
  show()
  return root
}
