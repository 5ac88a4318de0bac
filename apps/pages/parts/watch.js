// The recording with its captions, and the transcript that follows the sound. The browser asks for the transcript
// itself: three hours are 30,000 words, and none of them passes through the page's websocket.
const UNSURE = 0.5  // probability below which a word is marked
const LONGEST = 50  // words in a paragraph
const PAUSE = 2.0  // seconds of silence that end one
const ALONE = 4000  // milliseconds for which a reader who has scrolled is left alone

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

class Script {
  constructor(root, transcript, chapters, seek) {
    Object.assign(this, {root, transcript, seek, current: null, scrolled: 0})
    this.parts = paragraphs(transcript, chapters)
    this.seen = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting) this.fill(entry.target)
    }, {root, rootMargin: "800px"})
    for (const part of this.parts) this.add(part)
    for (const name of ["wheel", "touchmove", "keydown"]) {
      root.addEventListener(name, () => { this.scrolled = performance.now() }, {passive: true})
    }
    root.addEventListener("click", (event) => {
      const word = event.target.closest("[data-word]")
      if (word) this.seek(transcript.words[Number(word.dataset.word)].start)
    })
  }

  text(first, end) {
    return this.transcript.words.slice(first, end).map((word) => (word.space ? " " : "") + word.text).join("").trim()
  }

  add(part) {
    if (part.chapter) this.root.append(element("h3", "", part.chapter.title))
    const row = element("div", "part"), time = element("button", "time", clock(this.transcript.words[part.first].start))
    time.type = "button"
    time.setAttribute("aria-label", `Play from ${time.textContent}`)
    time.onclick = () => this.seek(this.transcript.words[part.first].start)
    part.node = element("p", "", this.text(part.first, part.end))
    part.node.run = part
    if (part.speaker) row.append(time, element("strong", "speaker", part.speaker), part.node)
    else row.append(time, part.node)
    this.root.append(row)
    this.seen.observe(part.node)
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

  follow(seconds) {
    const index = this.at(seconds)
    if (index === this.index || index < 0) return
    this.index = index
    const part = this.parts.findLast((each) => each.first <= index)
    this.fill(part.node)
    this.current?.classList.remove("said")
    this.current = part.node.querySelector(`[data-word="${index}"]`)
    this.current?.classList.add("said")
    if (performance.now() - this.scrolled < ALONE || !this.current) return
    const box = this.root.getBoundingClientRect(), word = this.current.getBoundingClientRect()
    if (word.top < box.top + 40 || word.bottom > box.bottom - 60) {
      this.root.scrollTop += word.top - box.top - box.height / 3
    }
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
  player.controls = true
  player.preload = "metadata"
  if (model.poster) player.poster = model.poster
  player.src = model.media
  if (model.captions) {
    const track = document.createElement("track")
    Object.assign(track, {kind: "captions", src: model.captions, srclang: model.language, label: "Captions", default: true})
    player.append(track)
  }
  const help = element("p", "soft keys", "Space plays and stops, J and L jump ten seconds, the arrows five.")
  const link = element("button", "", "Copy a link to this moment")
  link.type = "button"
  const told = element("span", "soft")
  told.setAttribute("role", "status")
  const below = element("div", "below")
  below.append(link, told, help)
  stage.append(player, below)

  const text = element("div", "script")
  text.tabIndex = 0
  text.setAttribute("role", "region")
  text.setAttribute("aria-label", "Transcript")
  root.append(stage, text)

  const seek = (seconds) => { player.currentTime = seconds; player.play().catch(() => {}) }
  let script = null
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
      script = new Script(text, transcript, model.chapters, seek)
    } catch (error) {
      text.append(element("p", "soft", `The transcript could not be loaded (${error.message}). Load the page again.`))
    }
  }
  load()

  let frame = 0
  const turn = () => { script?.follow(player.currentTime); frame = player.paused ? 0 : requestAnimationFrame(turn) }
  player.addEventListener("play", () => { cancelAnimationFrame(frame); turn() })
  player.addEventListener("seeked", () => script?.follow(player.currentTime))
  const pressed = (event) => {
    const act = keys(player)[event.key.length === 1 ? event.key.toLowerCase() : event.key]
    if (!act || taken(event, player) || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === " " && event.composedPath().some((each) => /^(BUTTON|A)$/.test(each.tagName || ""))) return
    event.preventDefault()
    act()
  }
  document.addEventListener("keydown", pressed)
  model.on("remove", () => document.removeEventListener("keydown", pressed))
  model.on("msg:custom", (message) => {
    stage.scrollIntoView({block: "nearest", behavior: "smooth"})
    seek(message.play)
  })
  return root
}
