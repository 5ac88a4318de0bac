// Clips with why they were chosen: each plays in the shape that is picked, as it was rendered or as it will be, and is
// approved, rejected, renamed or handed on to be cut anew. What is changed is told as an edit ("workbench:edit").
const element = (name, className = "", text = "") => {
  const made = document.createElement(name)
  if (className) made.className = className
  made.textContent = text
  return made
}
const press = (text, act, label = "", className = "") => {
  const made = element("button", className, text)
  made.type = "button"
  if (label) made.setAttribute("aria-label", label)
  made.onclick = act
  return made
}
const tell = (edit) => document.dispatchEvent(new CustomEvent("workbench:edit", {detail: {edit}}))
const judge = (one, decision, reason = "") => tell({kind: "clip", clip_id: one.key, decision, reason})
const VERDICTS = {approved: "Approved", rejected: "Rejected", proposed: "Proposed"}

// The recording between two moments, cut to a shape, with the captions that its rendering will show.
const preview = (model, one, shape, frame) => {
  const video = element("video"), line = element("div", "caption"), play = press("Play the preview", () => toggle())
  frame.dataset.ratio = shape
  frame.classList.add("preview")
  video.src = `${model.media}#t=${one.start},${one.end}`
  video.preload = "metadata"
  video.playsInline = true
  let cues = []
  const show = () => {
    const cue = cues.find(([start, end]) => start <= video.currentTime && video.currentTime < end)
    line.replaceChildren(...(cue ? cue[2].map((text) => element("span", "", text)) : []))
  }
  const toggle = () => {
    if (!video.paused) return video.pause()
    if (video.currentTime < one.start || video.currentTime >= one.end - 0.05) video.currentTime = one.start
    video.play().catch(() => {})
  }
  video.ontimeupdate = () => {
    if (video.currentTime >= one.end) { video.pause(); video.currentTime = one.start }
    show()
  }
  video.onloadedmetadata = () => { video.currentTime = one.start }
  video.onplay = () => { play.textContent = "Pause" }
  video.onpause = () => { play.textContent = "Play the preview" }
  video.onclick = toggle
  const view = element("div", "view")
  view.append(video, line)
  frame.replaceChildren(view, play)
  frame.told = (answer) => {
    cues = answer.cues
    for (const [name, value] of Object.entries(answer.look)) view.style.setProperty(`--${name}`, value)
    show()
  }
  model.send_msg({act: "preview", key: one.key, ratio: shape})
}

const player = (model, one, state) => {
  const frame = element("div", "frame"), shape = element("select"), take = element("a", "take", "Download")
  shape.setAttribute("aria-label", `Shape of ${one.title}`)
  for (const [place, file] of one.files.entries()) {
    shape.append(new Option(file.name, place))
  }
  for (const ratio of one.previews) shape.append(new Option(`${ratio.name}: preview`, ratio.ratio))
  if ([...shape.options].some((each) => each.value === state.shape)) shape.value = state.shape
  const behind = element("p", "soft behind", "As it was before the last changes: it will be made again.")
  const show = () => {
    state.shape = shape.value
    const file = one.files[Number(shape.value)]
    take.hidden = !file
    behind.hidden = !file?.stale
    frame.className = "frame"
    if (!file) return preview(model, one, shape.value, frame)
    const video = element("video")
    video.controls = true
    video.preload = "metadata"
    video.src = file.address
    video.setAttribute("aria-label", one.title)
    frame.dataset.ratio = file.ratio
    frame.replaceChildren(video)
    take.href = file.address
    take.download = file.file
  }
  shape.onchange = show
  show()
  const tools = element("div", "tools")
  tools.append(shape, take)
  return [frame, tools, behind]
}

// What was decided, and what can be.
const verdict = (model, one) => {
  const row = element("div", "verdict"), said = element("span", `state ${one.verdict}`, VERDICTS[one.verdict])
  row.append(said)
  if (one.hand) row.append(element("span", "state", "By hand"))
  if (one.why_not) row.append(element("span", "soft", one.why_not))
  if (!model.editable) return [row]
  const acts = element("div", "acts")
  if (one.verdict !== "approved") acts.append(press("Approve", () => judge(one, "approved"), `Approve ${one.title}`))
  if (one.verdict === "rejected") acts.append(press("Propose again", () => judge(one, "proposed"), `Propose ${one.title} again`))
  else acts.append(press("Reject", () => ask(), `Reject ${one.title}`))
  acts.append(press("Adjust", () => model.send_msg({act: "adjust", key: one.key}), `Adjust where ${one.title} starts and ends`))
  const ask = () => {
    const form = element("form", "why-not"), reason = element("input"), send = element("button", "main", "Reject")
    reason.placeholder = "Why? (others read it)"
    reason.setAttribute("aria-label", `Why ${one.title} is rejected`)
    reason.maxLength = 500
    form.append(reason, send, press("Cancel", () => form.replaceWith(acts)))
    form.onsubmit = (event) => { event.preventDefault(); form.replaceWith(acts); judge(one, "rejected", reason.value.trim()) }
    form.onkeydown = (event) => { if (event.key === "Escape") form.replaceWith(acts) }
    acts.replaceWith(form)
    reason.focus()
  }
  return [row, acts]
}

const title = (model, one) => {
  const made = element("h3", "", one.title)
  if (!model.editable) return made
  made.contentEditable = "plaintext-only"
  made.setAttribute("role", "textbox")
  made.setAttribute("aria-label", "Title of the clip")
  const keep = () => {
    const text = made.textContent.replace(/\s+/g, " ").trim()
    if (text && text !== one.title) tell({kind: "clip", clip_id: one.key, title: text.slice(0, 200)})
    else made.textContent = one.title
  }
  made.onblur = keep
  made.onkeydown = (event) => {
    if (event.key === "Escape") made.textContent = one.title
    if (event.key === "Enter" || event.key === "Escape") { event.preventDefault(); made.blur() }
  }
  return made
}

export function render({model}) {
  const root = element("div"), list = element("ul", "clips"), none = element("div", "empty")
  root.append(list, none)
  const known = new Map()

  const fill = (kept, one) => {
    const words = element("div", "words"), facts = element("p", "soft", one.facts)
    const listen = press(`Play at ${one.from}`, () => model.send_msg({act: "seek", key: one.key}), `Play ${one.title} in the recording`)
    const why = element("ul", "why"), parts = element("dl", "parts")
    why.append(...one.reasons.map((reason) => element("li", "", reason)))
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
    words.append(title(model, one), facts, ...verdict(model, one), why, parts, listen, box)
    // what plays goes on playing when only what is said of it has changed
    const look = JSON.stringify([one.files, one.previews, one.start, one.end, one.said])
    if (kept.look !== look) {
      kept.look = look
      kept.shown = player(model, one, kept)
    }
    kept.card.className = one.verdict
    kept.card.replaceChildren(...kept.shown, words)
  }

  const show = () => {
    const here = new Set(model.items.map((one) => one.key))
    for (const [key, kept] of known) if (!here.has(key)) { kept.card.remove(); known.delete(key) }
    model.items.forEach((one, place) => {
      const text = JSON.stringify(one)
      let kept = known.get(one.key)
      if (!kept) { kept = {card: element("li"), text: ""}; known.set(one.key, kept) }
      const busy = kept.card.querySelector("form.why-not, [contenteditable]:focus")
      if (kept.text !== text && !busy) { kept.text = text; fill(kept, one) }
      if (list.children[place] !== kept.card) list.insertBefore(kept.card, list.children[place] || null)
    })
    none.hidden = model.items.length > 0
    none.replaceChildren(element("h2", "", model.empty[0]), element("p", "soft", model.empty[1]))
  }
  model.on("items", show)
  model.on("empty", show)
  model.on("msg:custom", (answer) => {
    const frame = known.get(answer.key)?.card.querySelector(".frame.preview")
    if (frame?.dataset.ratio === answer.ratio) frame.told(answer)
  })
  show()
  return root
}
