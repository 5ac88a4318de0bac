// The library: one card an episode, each a link. Cards are kept and changed in place, so that what somebody
// looks at does not jump.
export function render({model}) {
  const root = document.createElement("div")
  const list = document.createElement("ul")
  list.className = "cards"
  const none = document.createElement("div")
  none.className = "empty"
  root.append(list, none)
  const known = new Map()

  const element = (name, className, text = "") => {
    const made = document.createElement(name)
    made.className = className
    made.textContent = text
    return made
  }

  const picture = (one) => {
    if (!one.poster) return element("div", "poster blank", one.letters)
    const image = element("img", "poster")
    image.loading = "lazy"
    image.alt = ""
    image.src = one.poster
    return image
  }

  const fill = (card, one) => {
    const link = element("a", "card")
    link.href = one.address
    const words = element("div", "words")
    words.append(element("h2", "", one.title), element("p", "soft", one.facts))
    if (one.progress != null) {
      const bar = element("progress", "")
      bar.max = 100
      bar.value = one.progress
      bar.setAttribute("aria-label", `${one.title}: ${one.message}`)
      words.append(bar, element("p", "soft now", one.message))
    }
    const frame = element("div", "frame")
    frame.append(picture(one), element("span", "length", one.length))
    words.append(element("span", `state ${one.state_key}`, one.state))
    if (one.review) words.append(element("p", "soft review", one.review))
    link.append(frame, words)
    card.replaceChildren(link)
  }

  const show = () => {
    const here = new Set(model.items.map((one) => one.key))
    for (const [key, kept] of known) if (!here.has(key)) { kept.card.remove(); known.delete(key) }
    model.items.forEach((one, place) => {
      const text = JSON.stringify(one)
      let kept = known.get(one.key)
      if (!kept) { kept = {card: document.createElement("li"), text: ""}; known.set(one.key, kept) }
      if (kept.text !== text) { kept.text = text; fill(kept.card, one) }
      if (list.children[place] !== kept.card) list.insertBefore(kept.card, list.children[place] || null)
    })
    none.hidden = model.items.length > 0
    none.innerHTML = ""
    const [title, text, label, address] = model.empty
    none.append(element("h2", "", title), element("p", "soft", text))
    if (address) {
      const link = element("a", "", label)
      link.href = address
      none.append(link)
    }
  }
  model.on("items", show)
  model.on("empty", show)
  show()
  return root
}
