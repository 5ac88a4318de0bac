// Clips with why they were chosen, each playing in the shape that is picked, and what was rendered to take away.
const element = (name, className = "", text = "") => {
  const made = document.createElement(name)
  if (className) made.className = className
  made.textContent = text
  return made
}

export function render({model}) {
  const root = element("div"), list = element("ul", "clips"), none = element("div", "empty")
  root.append(list, none)
  const known = new Map()

  const player = (one) => {
    const frame = element("div", "frame")
    if (!one.files.length) {
      frame.append(element("p", "soft", "Not rendered yet"))
      return frame
    }
    const video = element("video"), shape = element("select")
    video.controls = true
    video.preload = "metadata"
    shape.setAttribute("aria-label", `Shape of ${one.title}`)
    for (const [place, file] of one.files.entries()) shape.append(new Option(file.name, place))
    const take = element("a", "take", "Download")
    const show = () => {
      const file = one.files[Number(shape.value)]
      video.src = file.address
      frame.dataset.ratio = file.ratio
      take.href = file.address
      take.download = file.file
    }
    shape.onchange = show
    show()
    const tools = element("div", "tools")
    tools.append(shape, take)
    frame.append(video)
    return [frame, tools]
  }

  const fill = (card, one) => {
    const words = element("div", "words"), facts = element("p", "soft", one.facts)
    const listen = element("button", "", `Play at ${one.from}`)
    listen.type = "button"
    listen.setAttribute("aria-label", `Play ${one.title} in the recording`)
    listen.onclick = () => model.send_msg({act: "seek", key: one.key})
    const why = element("ul", "why")
    why.append(...one.reasons.map((reason) => element("li", "", reason)))
    const parts = element("dl", "parts")
    for (const [name, share] of one.parts) {
      const meter = element("meter")
      meter.value = share
      meter.setAttribute("aria-label", name)
      const value = element("dd")
      value.append(meter)
      parts.append(element("dt", "", name), value)
    }
    const box = element("label", "pick"), tick = element("input")
    tick.type = "checkbox"
    tick.checked = model.chosen.includes(one.key)
    tick.onchange = () => {
      const chosen = new Set(model.chosen)
      tick.checked ? chosen.add(one.key) : chosen.delete(one.key)
      model.chosen = [...chosen]
    }
    box.append(tick, element("span", "", "Render this one"))
    words.append(element("h3", "", one.title), facts, why, parts, listen, box)
    card.replaceChildren(...[player(one)].flat(), words)
  }

  const show = () => {
    const here = new Set(model.items.map((one) => one.key))
    for (const [key, kept] of known) if (!here.has(key)) { kept.card.remove(); known.delete(key) }
    model.items.forEach((one, place) => {
      const text = JSON.stringify(one)
      let kept = known.get(one.key)
      if (!kept) { kept = {card: element("li"), text: ""}; known.set(one.key, kept) }
      if (kept.text !== text) { kept.text = text; fill(kept.card, one) }
      if (list.children[place] !== kept.card) list.insertBefore(kept.card, list.children[place] || null)
    })
    none.hidden = model.items.length > 0
    none.replaceChildren(element("h2", "", model.empty[0]), element("p", "soft", model.empty[1]))
  }
  model.on("items", show)
  model.on("empty", show)
  show()
  return root
}
