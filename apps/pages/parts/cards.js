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
  let told = ""

  const element = (name, className, text = "") => {
    const made = document.createElement(name)
    made.className = className
    made.textContent = text
    return made
  }
  // Only what is other than it was: a picture whose address is set anew is loaded anew.
  const write = (node, text) => { if (node.textContent !== text) node.textContent = text }
  const mark = (node, name, value) => { if (node.getAttribute(name) !== value) node.setAttribute(name, value) }

  const make = () => {
    const card = document.createElement("li")
    card.innerHTML = `<a class="card">
      <div class="frame"><div class="poster blank"></div><span class="length"></span></div>
      <div class="words"><h2></h2><p class="soft facts"></p><progress max="100"></progress><p class="soft now"></p>
      <span class="state"></span><p class="soft review"></p></div></a>`
    return card
  }

  const picture = (blank, one) => {
    const frame = blank.parentElement
    let image = frame.querySelector("img")
    blank.hidden = Boolean(one.poster)
    write(blank, one.letters)
    if (!one.poster) { image?.remove(); return }
    if (!image) {
      image = element("img", "poster")
      Object.assign(image, {loading: "lazy", alt: ""})
      frame.prepend(image)
    }
    mark(image, "src", one.poster)
  }

  const fill = (card, one) => {
    const part = (name) => card.querySelector(name), bar = part("progress")
    mark(part("a"), "href", one.address)
    picture(part(".blank"), one)
    write(part(".length"), one.length)
    write(part("h2"), one.title)
    write(part(".facts"), one.facts)
    bar.hidden = part(".now").hidden = one.progress == null
    if (!bar.hidden) {
      bar.value = one.progress
      mark(bar, "aria-label", `${one.title}: ${one.message}`)
      write(part(".now"), one.message)
    }
    write(part(".state"), one.state)
    mark(part(".state"), "class", `state ${one.state_key}`)
    part(".review").hidden = !one.review
    write(part(".review"), one.review)
  }

  const show = () => {
    const here = new Set(model.items.map((one) => one.key))
    for (const [key, kept] of known) if (!here.has(key)) { kept.card.remove(); known.delete(key) }
    model.items.forEach((one, place) => {
      const text = JSON.stringify(one)
      let kept = known.get(one.key)
      if (!kept) { kept = {card: make(), text: ""}; known.set(one.key, kept) }
      if (kept.text !== text) { kept.text = text; fill(kept.card, one) }
      if (list.children[place] !== kept.card) list.insertBefore(kept.card, list.children[place] || null)
    })
    none.hidden = model.items.length > 0
    const now = JSON.stringify(model.empty)
    if (told === now) return
    told = now
    none.replaceChildren()
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
