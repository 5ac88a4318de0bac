// Jobs, a row each, changed in place: bars move, and nothing that is looked at or chosen jumps.
export function render({model}) {
  const root = document.createElement("div")
  const list = document.createElement("ul")
  list.className = model.choosing ? "jobs choosing" : "jobs"
  list.setAttribute("aria-label", model.label)
  const none = document.createElement("div")
  none.className = "empty"
  root.append(list, none)
  const known = new Map()

  const make = (one) => {
    const row = document.createElement("li")
    row.innerHTML = `<input type="checkbox"><div class="what"><a></a><span class="soft"></span></div>
      <span class="state"></span><div class="now"><progress max="100"></progress><span class="message"></span></div>
      <div class="acts"><button type="button" data-act="cancel">Cancel</button>
      <button type="button" data-act="retry">Try again</button></div>`
    const box = row.querySelector("input")
    if (!model.choosing) box.remove()
    box.onchange = () => {
      const chosen = new Set(model.chosen)
      box.checked ? chosen.add(one.key) : chosen.delete(one.key)
      model.chosen = [...chosen]
    }
    for (const button of row.querySelectorAll("button")) {
      button.onclick = () => { button.disabled = true; model.send_msg({act: button.dataset.act, key: one.key}) }
    }
    return row
  }

  const fill = (row, one) => {
    const link = row.querySelector("a"), state = row.querySelector(".state"), bar = row.querySelector("progress")
    link.textContent = one.title
    link.href = one.address
    row.querySelector(".what span").textContent = one.facts
    state.textContent = one.state
    state.className = `state ${one.state_key}`
    bar.hidden = !one.open
    bar.value = one.progress
    bar.setAttribute("aria-label", `Progress of ${one.title}`)
    row.querySelector(".message").textContent = one.message
    const box = row.querySelector("input")
    box?.setAttribute("aria-label", `Choose ${one.title}`)
    if (box) box.checked = model.chosen.includes(one.key)
    for (const button of row.querySelectorAll("button")) {
      const act = button.dataset.act
      button.hidden = !one[act]
      button.disabled = false
      button.setAttribute("aria-label", `${button.textContent}: ${one.title}`)
    }
  }

  const show = () => {
    const here = new Set(model.items.map((one) => one.key))
    for (const [key, kept] of known) if (!here.has(key)) { kept.row.remove(); known.delete(key) }
    model.items.forEach((one, place) => {
      const text = JSON.stringify(one)
      let kept = known.get(one.key)
      if (!kept) { kept = {row: make(one), text: ""}; known.set(one.key, kept) }
      if (kept.text !== text) { kept.text = text; fill(kept.row, one) }
      if (list.children[place] !== kept.row) list.insertBefore(kept.row, list.children[place] || null)
    })
    none.hidden = model.items.length > 0
    none.replaceChildren()
    const title = document.createElement("h2"), text = document.createElement("p")
    title.textContent = model.empty[0]
    text.textContent = model.empty[1]
    text.className = "soft"
    none.append(title, text)
  }
  const choose = () => {
    for (const [key, kept] of known) {
      const box = kept.row.querySelector("input")
      if (box) box.checked = model.chosen.includes(key)
    }
  }
  model.on("msg:custom", () => {
    for (const button of list.querySelectorAll("button")) button.disabled = false
  })
  model.on("items", show)
  model.on("empty", show)
  model.on("chosen", choose)
  show()
  return root
}
