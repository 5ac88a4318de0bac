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
// A player that tells when it plays: the page lets one be heard at a time.
const sounding = () => {
  const video = element("video")
  video.addEventListener("play", () => document.dispatchEvent(new CustomEvent("workbench:plays", {detail: video})))
  return video
}
const tell = (edit) => document.dispatchEvent(new CustomEvent("workbench:edit", {detail: {edit}}))
const judge = (one, decision, reason = "") => tell({kind: "clip", clip_id: one.key, decision, reason})
const VERDICTS = {approved: "Approved", rejected: "Rejected", proposed: "Proposed"}

// The first pictures of previews, drawn by one player for all: each player keeps a connection, of which a browser opens
// six to a server.
class Stills {
  constructor(media) {
    Object.assign(this, {media, waiting: [], video: null, busy: false})
    this.seen = new IntersectionObserver((entries) => {
      for (const {isIntersecting, target} of entries) {
        if (isIntersecting) { this.seen.unobserve(target); this.waiting.push(target); this.next() }
      }
    })
  }

  add(canvas, at) { canvas.at = at; this.seen.observe(canvas) }

  next() {
    this.waiting = this.waiting.filter((each) => each.isConnected)
    if (this.busy) return
    if (!this.waiting.length) return this.close()
    this.busy = true
    if (this.video) { this.video.currentTime = this.waiting[0].at; return }
    this.video = element("video")
    this.video.muted = true
    this.video.onloadedmetadata = () => { this.video.currentTime = this.waiting[0]?.at ?? 0 }
    this.video.onseeked = () => this.draw(this.waiting.shift())
    this.video.onerror = () => { this.waiting = []; this.close() }
    this.video.src = this.media
  }

  draw(canvas) {
    const {videoWidth: wide, videoHeight: high} = this.video, scale = Math.min(1, 720 / Math.max(wide, high))
    if (canvas && wide) {
      canvas.width = wide * scale
      canvas.height = high * scale
      canvas.getContext("2d").drawImage(this.video, 0, 0, canvas.width, canvas.height)
    }
    this.busy = false
    this.next()
  }

  close() {
    if (this.video) { this.video.onerror = null; this.video.removeAttribute("src"); this.video.load() }
    this.video = null
    this.busy = false
  }
}

// The recording between two moments, cut to a shape, with the captions that its rendering will show.
const preview = (model, one, shape, frame, stills) => {
  const view = element("div", "view"), line = element("div", "caption"), still = element("canvas"), foot = element("div", "foot")
  const play = press("Play the preview", () => toggle(), `Play the preview of ${one.title}`)
  foot.append(play, element("span", "", "Preview: not rendered yet"))
  let cues = [], video = null
  frame.dataset.ratio = shape
  frame.classList.add("preview")
  if (model.video) { view.append(still); stills.add(still, one.start) }
  else { view.classList.add("sound"); view.append(element("p", "card-title", one.title), element("i", "wave")) }
  view.append(line)
  const show = () => {
    const cue = cues.find(([start, end]) => start <= video.currentTime && video.currentTime < end)
    const lines = cue ? cue[2] : []
    if (lines.join("\n") === line.text) return
    line.text = lines.join("\n")
    line.replaceChildren(...lines.map((text) => element("span", "", text)))
  }
  const look = () => {
    if (video.currentTime >= one.end) { video.pause(); video.currentTime = one.start }
    show()
  }
  const turn = () => { look(); if (!video.paused) requestAnimationFrame(turn) }
  const begin = () => {
    video = sounding()
    Object.assign(video, {
      preload: "auto", playsInline: true, ontimeupdate: look, onclick: toggle, onseeked: show,
      onloadedmetadata: () => { if (video.currentTime < one.start) video.currentTime = one.start },
      onplay: () => { play.textContent = "Pause"; turn() },
      onpause: () => { play.textContent = "Play the preview" },
      onerror: () => { foot.lastChild.textContent = "The recording cannot be played here" },
      src: `${model.media}#t=${one.start},${one.end}`,
    })
    video.onplaying = () => still.remove()
    view.insertBefore(video, line)
  }
  const toggle = () => {
    if (!video) begin()
    if (!video.paused) return video.pause()
    model.send_msg({act: "preview", key: one.key, detail: shape})  // the words may have been corrected meanwhile
    if (video.currentTime >= one.end - 0.05) video.currentTime = one.start
    video.play().catch(() => {})
  }
  frame.replaceChildren(view, foot)
  frame.told = (answer) => {
    cues = answer.cues
    for (const [name, value] of Object.entries(answer.look)) view.style.setProperty(`--${name}`, value)
    if (video) show()
  }
}

const player = (model, one, state, stills) => {
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
    if (!file) return preview(model, one, shape.value, frame, stills)
    const video = sounding()
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

// What was decided, and what can be. `again` is called when a form is closed: the card may be behind by then.
const verdict = (model, one, again) => {
  const row = element("div", "verdict"), said = element("span", `state ${one.verdict}`, VERDICTS[one.verdict])
  row.append(said)
  if (one.hand) row.append(element("span", "state", "By hand"))
  if (one.why_not) row.append(element("span", "soft why-so", one.why_not))
  if (!model.editable) return [row]
  const acts = element("div", "acts")
  const add = (name, text, act, label) => {
    const button = press(text, act, label)
    button.dataset.act = name
    acts.append(button)
  }
  if (one.verdict !== "approved") add("approve", "Approve", () => judge(one, "approved"), `Approve ${one.title}`)
  if (one.verdict !== "rejected") add("reject", "Reject", () => ask(), `Reject ${one.title}`)
  if (one.verdict !== "proposed") add("propose", "Back to proposed", () => judge(one, "proposed"), `Back to proposed: ${one.title}`)
  add("adjust", "Adjust", () => model.send_msg({act: "adjust", key: one.key}), `Adjust where ${one.title} starts and ends`)
  const ask = () => {
    const form = element("form", "why-not"), reason = element("input"), send = element("button", "main", "Reject")
    const close = () => { form.replaceWith(acts); acts.querySelector("[data-act=reject]").focus(); again() }
    reason.placeholder = "Why? (others read it)"
    reason.setAttribute("aria-label", `Why ${one.title} is rejected`)
    reason.maxLength = 500
    form.append(reason, send, press("Cancel", close))
    form.onsubmit = (event) => { event.preventDefault(); close(); judge(one, "rejected", reason.value.trim()) }
    form.onkeydown = (event) => { if (event.key === "Escape") { event.preventDefault(); close() } }
    acts.replaceWith(form)
    reason.focus()
  }
  return [row, acts]
}

const title = (model, one, again) => {
  const heading = element("h3"), made = element("span", "", one.title)
  heading.append(made)
  if (!model.editable) return heading
  made.contentEditable = "plaintext-only"
  made.setAttribute("role", "textbox")
  made.setAttribute("aria-label", "Title of the clip")
  const keep = () => {
    const text = made.textContent.replace(/\s+/g, " ").trim()
    if (text && text !== one.title) tell({kind: "clip", clip_id: one.key, title: text.slice(0, 200)})
    else made.textContent = one.title
  }
  made.onblur = () => { keep(); setTimeout(again) }
  made.onkeydown = (event) => {
    if (event.key === "Escape") made.textContent = one.title
    if (event.key === "Enter" || event.key === "Escape") { event.preventDefault(); made.blur() }
  }
  return heading
}

// A player of the page, in whatever part it is.
const playing = (root = document) => {
  for (const each of root.querySelectorAll("*")) {
    const found = each.matches(".theatre video, .theatre audio") ? each : each.shadowRoot && playing(each.shadowRoot)
    if (found) return found
  }
  return null
}

const scores = (one) => one.parts.flatMap(([name, share]) => {
  const meter = element("meter"), value = element("dd")
  meter.value = share
  meter.setAttribute("aria-label", name)
  value.append(meter)
  return [element("dt", "", name), value]
})

// A box to tick for those that are to be rendered.
const pick = (model, one) => {
  const box = element("label", "pick"), tick = element("input")
  tick.type = "checkbox"
  tick.checked = model.chosen.includes(one.key)
  tick.dataset.act = "pick"
  tick.onchange = () => {
    const chosen = new Set(model.chosen)
    tick.checked ? chosen.add(one.key) : chosen.delete(one.key)
    model.chosen = [...chosen]
  }
  box.append(tick, element("span", "", "Render this one"))
  return box
}

// Put a card in its place: what is typed or played in it goes on where the browser can move it as it is.
const put = (list, card, before) => {
  if (card.isConnected && list.moveBefore) list.moveBefore(card, before)
  else list.insertBefore(card, before)
}

export function render({model}) {
  const root = element("div"), list = element("ul", "clips"), none = element("div", "empty"), top = element("div", "top")
  top.append(press("New clip from here", () => {
    model.send_msg({act: "new", detail: String(playing()?.currentTime ?? 0)})
  }), element("span", "soft", "From the sentence that the player is at. Or select words of the transcript."))
  root.append(top, list, none)
  const known = new Map(), stills = new Stills(model.media)

  const fill = (kept, one) => {
    const words = element("div", "words"), facts = element("p", "soft", one.facts)
    const listen = press(`Play at ${one.from}`, () => model.send_msg({act: "seek", key: one.key}), `Play ${one.title} in the recording`)
    const why = element("ul", "why"), parts = element("dl", "parts")
    listen.dataset.act = "listen"
    why.append(...one.reasons.map((reason) => element("li", "", reason)))
    parts.append(...scores(one))
    words.append(title(model, one, show), facts, ...verdict(model, one, show), why, parts, listen)
    if (model.editable) words.append(pick(model, one))
    // what plays goes on playing when only what is said of it has changed
    const look = JSON.stringify([one.files, one.previews, one.start, one.end, one.said])
    kept.card.className = one.verdict
    if (kept.look === look) kept.words.replaceWith(words)
    else kept.card.replaceChildren(...player(model, one, kept, stills), words)
    Object.assign(kept, {look, words})
  }

  const refill = (one, place) => {
    const text = JSON.stringify(one)
    let kept = known.get(one.key)
    const fresh = !kept
    if (fresh) { kept = {card: element("li"), text: ""}; known.set(one.key, kept) }
    const busy = kept.card.querySelector("form.why-not, [contenteditable]:focus")
    if (kept.text !== text && !busy) { kept.text = text; fill(kept, one) }
    if (list.children[place] !== kept.card) put(list, kept.card, list.children[place] || null)
    if (fresh && one.hand && document.body.dataset.awaits === one.said.join("-")) {
      delete document.body.dataset.awaits
      model.send_msg({act: "adjust", key: one.key})
    }
  }

  const show = () => {
    const here = new Set(model.items.map((one) => one.key)), held = root.getRootNode().activeElement
    const card = held?.closest?.("ul.clips > li"), act = held?.dataset?.act
    for (const [key, kept] of known) if (!here.has(key)) { kept.card.remove(); known.delete(key) }
    model.items.forEach(refill)
    if (act && card?.isConnected && root.getRootNode().activeElement !== held) {
      const again = card.querySelector(`[data-act="${act}"]`) || card.querySelector(".acts button")
      again?.focus({preventScroll: true})
    }
    none.hidden = model.items.length > 0
    none.replaceChildren(element("h2", "", model.empty[0]), element("p", "soft", model.empty[1]))
    top.hidden = !(model.editable && model.can_add)
  }
  for (const name of ["items", "empty", "can_add"]) model.on(name, show)
  model.on("msg:custom", (answer) => {
    if (answer.edit) {
      const {first, end} = answer.edit.words
      document.body.dataset.awaits = `${first}-${end}`  // whoever makes a clip wants to see it
      return tell(answer.edit)
    }
    if (answer.font) document.fonts.add(new FontFace("Clip letters", answer.font, {weight: "700"}))
    const frame = known.get(answer.key)?.card.querySelector(".frame.preview")
    if (frame?.dataset.ratio === answer.ratio) frame.told(answer)
  })
  list.addEventListener("play", ({target}) => {  // one after the other
    for (const each of list.querySelectorAll("video")) if (each !== target) each.pause()
  }, true)
  model.on("remove", () => {
    stills.seen.disconnect()
    stills.close()
  })
  show()
  return root
}
