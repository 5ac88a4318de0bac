// The recording with its captions, and the transcript that follows the sound, in which words are corrected and
// speakers named. The browser asks for the transcript as it was heard itself: three hours are 30,000 words, and none
// of them passes through the page's websocket. What people have changed comes as a patch of it.
const UNSURE = 0.5  // probability below which a word is marked
const LONGEST = 50  // words in a paragraph
const PAUSE = 2.0  // seconds of silence that end one
const ALONE = 4000  // milliseconds for which a reader who has scrolled is left alone
const FIRST = 40  // paragraphs that are there at once: more than any window shows

const clock = (seconds) => {
  const whole = Math.floor(seconds), hours = Math.floor(whole / 3600)
  const rest = [Math.floor(whole / 60) % 60, whole % 60].map((part) => String(part).padStart(2, "0"))
  return hours ? `${hours}:${rest.join(":")}` : `${Number(rest[0])}:${rest[1]}`
}

// Sentences come together in paragraphs: until somebody else speaks, a chapter begins, or it is enough.
const paragraphs = (transcript, chapters) => {
  const starts = new Set(chapters.map((each) => each.first)), made = []
  let now = null
  for (const {words: {first, end}, speaker} of transcript.sentences) {
    const gap = first ? transcript.words[first].start - transcript.words[first - 1].end : 0
    if (!now || starts.has(first) || speaker !== now.speaker || gap > PAUSE || first - now.first > LONGEST) {
      now = {first, end, speaker, chapter: chapters.find((each) => each.first === first)}
      made.push(now)
    }
    now.end = end
  }
  return made
}

const element = (name, className = "", text = "") => {
  const made = document.createElement(name)
  if (className) made.className = className
  made.textContent = text
  return made
}

// The transcript as it was heard, with the words and speakers that people have changed.
const patched = (heard, patch) => ({
  words: heard.words.map((word, index) => {
    const text = patch.words?.[index]
    return text === undefined ? word : {...word, text, probability: 1, space: word.space && text !== ""}
  }),
  sentences: heard.sentences.map((each, index) => {
    const speaker = patch.speakers?.[index]
    return speaker === undefined ? each : {...each, speaker}
  }),
})

class Script {
  constructor(root, transcript, chapters, seek, name) {
    Object.assign(this, {root, transcript, chapters, seek, name, current: null, scrolled: 0, added: 0})
    this.parts = paragraphs(transcript, chapters)
    this.seen = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting) this.fill(entry.target)
    }, {root, rootMargin: "800px"})
    this.addUntil(FIRST)
    if (this.parts.length) this.fill(this.parts[0].node)
    setTimeout(() => this.addUntil(), 50)  // once those are seen
    for (const name of ["wheel", "touchmove", "pointerdown", "keydown"]) {
      root.addEventListener(name, () => { this.scrolled = performance.now() }, {passive: true})
    }
    root.addEventListener("click", (event) => {
      const word = event.target.closest("[data-word]")
      if (word && root.getRootNode().getSelection?.().isCollapsed !== false) {
        this.seek(this.transcript.words[Number(word.dataset.word)].start)
      }
    })
  }

  // Show the transcript as it is now. Only paragraphs with other words are drawn anew, unless the speakers have
  // changed: then the paragraphs themselves may be others.
  renew(transcript) {
    this.addUntil()
    const before = this.transcript
    this.transcript = transcript
    const same = transcript.sentences.every((each, index) => each.speaker === before.sentences[index].speaker)
    if (!same) {
      const top = this.root.scrollTop
      this.seen.disconnect()
      for (const each of this.root.querySelectorAll(":scope > .part, :scope > h3")) each.remove()
      this.parts = paragraphs(transcript, this.chapters)
      this.added = 0
      this.addUntil()
      this.root.scrollTop = top
    } else {
      for (const part of this.parts) {
        const run = transcript.words.slice(part.first, part.end)
        if (run.every((word, place) => word === before.words[part.first + place]
          || word.text === before.words[part.first + place].text)) continue
        if (part.node.filled) { part.node.filled = false; this.fill(part.node) }
        else part.node.textContent = this.text(part.first, part.end)
      }
    }
    Object.assign(this, {renewed: true, index: -1})  // the word that is said may be another element now
  }

  text(first, end) {
    return this.transcript.words.slice(first, end).map((word) => (word.space ? " " : "") + word.text).join("").trim()
  }

  addUntil(end = this.parts.length) {
    while (this.added < Math.min(end, this.parts.length)) this.add(this.parts[this.added++])
  }

  add(part) {
    if (part.chapter) this.root.append(element("h3", "", part.chapter.title))
    const row = element("div", "part"), time = element("button", "time", clock(this.transcript.words[part.first].start))
    time.type = "button"
    time.setAttribute("aria-label", `Play from ${time.textContent}`)
    time.onclick = () => this.seek(this.transcript.words[part.first].start)
    part.node = element("p", "", this.text(part.first, part.end))
    part.node.run = part
    row.append(time, this.speaker(part), part.node)
    this.root.append(row)
    this.seen.observe(part.node)
  }

  // Who speaks; a button for those who may name them.
  speaker(part) {
    if (!this.name) return element(part.speaker ? "strong" : "span", "speaker", part.speaker || "")
    const button = element("button", part.speaker ? "speaker" : "speaker unnamed", part.speaker || "Who speaks?")
    button.type = "button"
    button.setAttribute("aria-label", part.speaker ? `Rename ${part.speaker}` : `Name who speaks at ${clock(this.transcript.words[part.first].start)}`)
    button.onclick = () => this.name(part, button)
    return button
  }

  fill(node) {
    if (node.filled) return
    node.filled = true
    node.replaceChildren(...this.transcript.words.slice(node.run.first, node.run.end).flatMap((word, place) => {
      const span = element("span", word.probability < UNSURE ? "unsure" : "", word.text)
      span.dataset.word = node.run.first + place
      if (word.probability < UNSURE) span.title = `heard with ${Math.round(word.probability * 100)} % certainty`
      return word.space && place ? [" ", span] : [span]
    }))
  }

  // The word that is said at a time, by halves.
  at(seconds) {
    const words = this.transcript.words
    let low = 0, high = words.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (words[middle].start <= seconds) low = middle + 1
      else high = middle
    }
    return low - 1
  }

  // Mark the word that is said, and bring it in sight: not for a change of the words, and not while one is typed.
  follow(seconds) {
    const index = this.at(seconds), left = this.renewed || this.root.querySelector("form.fix")
    this.renewed = false
    if (index === this.index || index < 0) return
    this.index = index
    this.addUntil()
    const part = this.parts.findLast((each) => each.first <= index)
    this.fill(part.node)
    this.current?.classList.remove("said")
    this.current = part.node.querySelector(`[data-word="${index}"]`)
    this.current?.classList.add("said")
    if (left || performance.now() - this.scrolled < ALONE || !this.current) return
    const box = this.root.getBoundingClientRect(), word = this.current.getBoundingClientRect()
    if (word.top < box.top + 40 || word.bottom > box.bottom - 60) {
      this.root.scrollTop += word.top - box.top - box.height / 3
    }
  }
}

// A small form over the transcript: `fields` are its inputs, and `send` gets what they hold.
const form = (root, near, title, fields, send, {typed, gone} = {}) => {
  root.querySelector("form.fix")?.close()
  const made = element("form", "fix"), heading = element("strong", "", title)
  const save = element("button", "main", "Save"), stop = element("button", "", "Cancel")
  save.type = "submit"
  stop.type = "button"
  const inputs = fields.map(({label, value, tick}) => {
    const box = element("label", tick ? "tick" : ""), input = element("input")
    if (tick) input.type = "checkbox"
    else { input.value = value; input.maxLength = 500; input.autocomplete = "off" }
    box.append(...(tick ? [input, element("span", "", label)] : [element("span", "unseen", label), input]))
    made.append(box)
    return input
  })
  const values = () => inputs.map((input) => (input.type === "checkbox" ? input.checked : input.value.trim()))
  made.close = () => { made.remove(); near.focus?.() }
  made.prepend(heading)
  const buttons = element("div", "buttons")
  buttons.append(save, stop)
  made.append(buttons)
  made.onsubmit = (event) => { event.preventDefault(); made.close(); send(...values()) }
  stop.onclick = () => { made.close(); gone?.() }
  made.onkeydown = (event) => {
    event.stopPropagation()  // the player's keys are letters here
    if (event.key === "Escape") { event.preventDefault(); stop.onclick() }
  }
  if (typed) made.oninput = () => typed(...values())
  root.append(made)
  const box = root.getBoundingClientRect(), place = near.getBoundingClientRect()
  made.style.top = `${root.scrollTop + place.bottom - box.top + 6}px`
  made.style.left = `${Math.max(8, Math.min(place.left - box.left, box.width - made.offsetWidth - 24))}px`
  inputs[0].focus()
  inputs[0].select()
  return made
}

const fresh = () => crypto.getRandomValues(new Uint32Array(3)).join("-")
// A term without the marks of the sentence around it; those of C++ or .NET belong to it (pipeline/terms.py has the same).
const bare = (text) => text.replace(/^[\s"'“”‘’«»„([{¿¡]+|[\s"'“”‘’«»)\]}.,;:!?…]+$/gu, "")
const tell = (edit, id) => document.dispatchEvent(new CustomEvent("workbench:edit", {detail: {edit, id}}))

// Correcting: some words are chosen by a double click or by selecting them, and typed anew.
class Correcting {
  constructor(script, root) {
    Object.assign(this, {script, root, range: null})
    this.chip = element("div", "chip")
    this.chip.hidden = true
    for (const [label, act] of [["Correct", () => this.open()], ["Make a clip", () => this.clip()]]) {
      const button = element("button", "", label)
      button.type = "button"
      button.onmousedown = (event) => event.preventDefault()  // the selection stays
      button.onclick = act
      this.chip.append(button)
    }
    root.append(this.chip)
    root.addEventListener("dblclick", (event) => {
      const word = event.target.closest("[data-word]")
      if (word) { this.range = [Number(word.dataset.word), Number(word.dataset.word) + 1]; this.open() }
    })
    this.looked = () => this.look()
    document.addEventListener("selectionchange", this.looked)
  }

  close() { document.removeEventListener("selectionchange", this.looked) }

  word(index) { return this.root.querySelector(`[data-word="${index}"]`) }

  // The words that are selected, as a run; the chip with what can be done with them stands below the last.
  look() {
    const chosen = this.root.getRootNode().getSelection?.() || document.getSelection()
    const marked = !chosen || chosen.isCollapsed ? [] : [...this.root.querySelectorAll("[data-word]")]
      .filter((each) => chosen.containsNode(each, true)).map((each) => Number(each.dataset.word))
    this.chip.hidden = !marked.length || Boolean(this.root.querySelector("form.fix"))
    if (!marked.length) return
    this.range = [Math.min(...marked), Math.max(...marked) + 1]
    const box = this.root.getBoundingClientRect(), last = this.word(this.range[1] - 1).getBoundingClientRect()
    this.chip.style.top = `${this.root.scrollTop + last.bottom - box.top + 4}px`
    this.chip.style.left = `${Math.max(8, Math.min(last.left - box.left, box.width - 220))}px`
  }

  open() {
    const [first, end] = this.range, words = {first, end}, id = fresh()
    const near = this.word(first), before = this.script.text(first, end)
    this.chip.hidden = true
    let timer = 0, sent = false
    const send = (text) => { clearTimeout(timer); sent = true; tell({kind: "words", words, text}, id) }
    form(this.root, near, "Correct what was said", [
      {label: "The right words", value: before},
      {label: "Everywhere in this episode", tick: true},
    ], (text, everywhere) => {
      if (text === before && !sent) return
      if (!everywhere) return send(text)
      clearTimeout(timer)
      tell({kind: "everywhere", old: bare(before) || before, new: bare(text)}, id)
    }, {
      typed: (text) => { clearTimeout(timer); timer = setTimeout(() => send(text), 1000) },
      gone: () => { clearTimeout(timer); if (sent) tell({kind: "words", words, text: before}, id) },
    })
    for (let index = first; index < end; index++) this.word(index)?.classList.add("chosen")
  }

  clip() {
    const [first, end] = this.range
    this.chip.hidden = true
    const title = this.script.text(first, end).split(" ").slice(0, 8).join(" ").slice(0, 120)
    document.body.dataset.awaits = `${first}-${end}`  // the clips take it in hand, though they may still have to come
    tell({kind: "new clip", title, words: {first, end}})
  }

  name(part, button) {
    const {sentences} = this.script.transcript
    const run = sentences.flatMap((each, index) => (
      each.words.first >= part.first && each.words.first < part.end ? [index] : []))
    const fields = [{label: "Who speaks", value: part.speaker || ""}]
    fields.push({label: part.speaker ? `Wherever ${part.speaker} speaks` : "Wherever nobody is named yet", tick: true})
    form(this.root, button, "Who speaks here?", fields, (name, everywhere) => {
      const where = everywhere ? {old: part.speaker || null} : {sentences: {first: run[0], end: run.at(-1) + 1}}
      tell({kind: "speaker", name, ...where})
    })
  }
}

const keys = (player) => ({
  " ": () => (player.paused ? player.play() : player.pause()),
  k: () => (player.paused ? player.play() : player.pause()),
  j: () => { player.currentTime -= 10 },
  l: () => { player.currentTime += 10 },
  ArrowLeft: () => { player.currentTime -= 5 },
  ArrowRight: () => { player.currentTime += 5 },
})

// Whether a key belongs to what has the focus: a field, a list, a menu, or another player.
const ROLES = ["combobox", "listbox", "option", "menu", "menuitem", "tab", "tablist", "slider", "textbox"]
const taken = (event, player) => event.defaultPrevented || event.composedPath().some((each) =>
  /^(INPUT|TEXTAREA|SELECT)$/.test(each.tagName || "") || each.isContentEditable
  || /^(VIDEO|AUDIO)$/.test(each.tagName || "") && each !== player
  || ROLES.includes(each.getAttribute?.("role")))

export function render({model}) {
  const root = element("div", "theatre")
  const stage = element("div", "stage"), player = document.createElement(model.video ? "video" : "audio")
  Object.assign(player, {controls: true, preload: "metadata", ...(model.poster && {poster: model.poster})})
  const begin = () => { if (!player.src) player.src = model.media }
  const subtitle = () => {  // a track keeps what it has loaded: another one takes its place, seen or not as it was
    const seen = player.textTracks[0]?.mode !== "disabled", track = document.createElement("track")
    for (const old of player.querySelectorAll("track")) old.remove()
    Object.assign(track, {kind: "captions", src: model.captions, srclang: model.language, label: "Captions", default: seen})
    if (model.captions) player.append(track)
  }
  subtitle()
  const help = element("p", "soft keys", "Space plays and stops, J and L jump ten seconds, the arrows five."
    + (model.editable ? " Double-click a word to correct it; select some for more." : ""))
  const link = element("button", "", "Copy a link to this moment")
  link.type = "button"
  const told = element("span", "soft")
  told.setAttribute("role", "status")
  const below = element("div", "below")
  below.append(link, told, help)
  stage.append(player, below)

  const text = element("div", "script")
  const named = {role: "region", "aria-label": "Transcript", tabindex: 0}
  for (const [name, value] of Object.entries(named)) text.setAttribute(name, value)
  root.append(stage, text)

  const seek = (seconds) => { begin(); player.currentTime = seconds; player.play().catch(() => {}) }
  let script = null, heard = null, correcting = null
  model.on("patch", () => { if (script) { script.renew(patched(heard, model.patch)); script.follow(player.currentTime) } })
  model.on("captions", subtitle)
  model.on("poster", () => { player.poster = model.poster })
  const place = new URL(location.href)
  player.addEventListener("loadedmetadata", () => {
    const at = Number(place.searchParams.get("t"))
    if (at > 0) player.currentTime = at
  }, {once: true})
  link.onclick = async () => {
    place.searchParams.set("t", player.currentTime.toFixed(1))
    history.replaceState(null, "", place)
    try { await navigator.clipboard.writeText(place.href); told.textContent = "Copied." }
    catch { told.textContent = "The link is in the address bar." }
  }

  const load = async () => {
    if (!model.words) { text.append(element("p", "soft", model.missing)); return }
    try {
      const answer = await fetch(model.words)
      if (!answer.ok) throw new Error(`the server answered ${answer.status}`)
      const transcript = await answer.json()
      if (!transcript.words.length) { text.append(element("p", "soft", "Nothing is said in this recording.")); return }
      heard = transcript
      script = new Script(text, patched(heard, model.patch), model.chapters, seek, model.editable && ((...asked) => correcting.name(...asked)))
      if (model.editable) correcting = new Correcting(script, text)
      if (player.currentTime) script.follow(player.currentTime)  // it may have been at its moment before
    } catch (error) {
      text.append(element("p", "soft", `The transcript could not be loaded (${error.message}). Load the page again.`))
    }
  }
  load().then(begin)  // words are there sooner when nothing is decoded beside them
  const late = setTimeout(begin, 1000)

  let frame = 0
  const turn = () => { script?.follow(player.currentTime); frame = player.paused ? 0 : requestAnimationFrame(turn) }
  player.addEventListener("play", () => { cancelAnimationFrame(frame); turn() })
  player.addEventListener("seeked", () => script?.follow(player.currentTime))
  let sounds = player  // of all players of the page, one is heard at a time
  const alone = ({detail}) => { if (detail !== sounds) sounds.pause(); sounds = detail }
  document.addEventListener("workbench:plays", alone)
  player.addEventListener("play", () => alone({detail: player}))
  const pressed = (event) => {
    const act = keys(player)[event.key.length === 1 ? event.key.toLowerCase() : event.key]
    if (!act || taken(event, player) || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === " " && event.composedPath().some((each) => /^(BUTTON|A)$/.test(each.tagName || ""))) return
    event.preventDefault()
    act()
  }
  document.addEventListener("keydown", pressed)
  model.on("remove", () => {
    clearTimeout(late)
    document.removeEventListener("keydown", pressed)
    document.removeEventListener("workbench:plays", alone)
    correcting?.close()
  })
  model.on("msg:custom", (message) => {
    stage.scrollIntoView({block: "nearest", behavior: "smooth"})
    seek(message.play)
  })
  return root
}
