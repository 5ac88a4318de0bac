// Whether the workbench can be reached. When its websocket is lost, a sentence says so, and the page asks until a server
// answers again; then it loads itself anew, at the same address, as far down and with the same sound as before.
// Other parts hear of it as events of the document: "workbench:lost", and "workbench:back" before the page is left. One
// that is not done yet prevents the latter's default, and is asked again.
const KEPT = "workbench:kept"
const FIRST = 1000, LAST = 5000  // milliseconds between tries
const SOON = 15_000  // milliseconds: a page that is lost again within them does not hurry
const READ = 8000  // milliseconds for which "Connected again." can be read
const PATIENCE = 20_000  // milliseconds for what was there to come again
const LOOK = 200
const STAYS = 10  // looks
const TYPING = 1500  // milliseconds after a key: other parts keep what is typed a second later

const all = (what, root = document) => [...root.querySelectorAll("*")].flatMap((each) => [
  ...(each.matches(what) ? [each] : []), ...(each.shadowRoot ? all(what, each.shadowRoot) : []),
])
const players = () => all("video, audio")
const label = (field) => field.getAttribute("aria-label")
  || [...(field.labels || [])].map((each) => each.textContent).join(" ") || field.name
const source = (player) => new URL(player.currentSrc || player.src, location.href).pathname
const heights = () => all("*").filter((each) => each.scrollTop > 0)
  .map(({localName, className, scrollTop}) => ({localName, className, scrollTop}))

// Where each player is; one whose source broke meanwhile is as it was `before`.
const sounds = (before = []) => players().map((player) => {
  const then = before.find((each) => each.source === source(player))
  return {
    source: source(player), at: player.currentTime || then?.at || 0,
    plays: player.error && then ? then.plays : !player.paused && !player.ended,
    rate: player.playbackRate, volume: player.volume, muted: player.muted,
  }
}).filter((each) => each.at > 0)

// As if somebody had typed it: React looks at the element's own setter, and at its events.
const type = (field, text) => {
  const kind = field instanceof HTMLTextAreaElement ? HTMLTextAreaElement : HTMLInputElement
  Object.getOwnPropertyDescriptor(kind.prototype, "value").set.call(field, text)
  for (const name of ["input", "change", "focusout"]) field.dispatchEvent(new Event(name, {bubbles: true, composed: true}))
}

const taken = () => {
  try {
    const kept = JSON.parse(sessionStorage.getItem(KEPT))
    sessionStorage.removeItem(KEPT)
    return kept?.address === location.href ? kept : null
  } catch { return null }
}

// Calls `look` until it is done or nobody waits any more.
const until = (look, end = performance.now() + PATIENCE) => {
  if (!look() && performance.now() < end) setTimeout(() => until(look, end), LOOK)
}

const putBack = ({scrolled, media, texts}, say) => {
  for (const {name, text} of texts) {
    until(() => {
      const field = all("input, textarea").find((one) => label(one) === name)
      if (field && field.value !== text) type(field, text)
      return Boolean(field)
    })
  }
  let own = false  // whoever scrolls is left alone
  for (const name of ["wheel", "touchmove", "keydown", "pointerdown"]) {
    document.addEventListener(name, () => { own = true }, {passive: true, once: true, capture: true})
  }
  for (const {localName, className, scrollTop} of scrolled) {
    let there = 0  // looks in which it stayed: what comes late draws its surroundings anew
    until(() => {
      const box = all(localName).find((one) => one.className === className)
      there = box && Math.abs(box.scrollTop - scrollTop) < 2 ? there + 1 : 0
      if (box && !own && !there) box.scrollTop = scrollTop
      return own || there === STAYS
    })
  }
  for (const each of media) {
    until(() => {
      const player = players().find((one) => source(one) === each.source)
      if (!player) return false
      const put = () => {
        Object.assign(player, {
          currentTime: each.at, playbackRate: each.rate, volume: each.volume, muted: each.muted,
        })
        if (each.plays) player.play().catch(() => say("Connected again. Press play to go on listening."))
      }
      player.preload = "metadata"
      // after the page's own look at the address, which may name a moment too
      if (player.readyState) setTimeout(put, LOOK)
      else player.addEventListener("loadedmetadata", () => setTimeout(put), {once: true})
      return true
    })
  }
}

export function render({model, view}) {
  const banner = document.createElement("div")
  banner.setAttribute("role", "status")
  banner.className = "banner"
  let timer = 0, hides = 0, lost = false, pause = FIRST, before = []
  const say = (text, lasts = 0) => {
    clearTimeout(hides)
    banner.textContent = text
    banner.classList.toggle("told", Boolean(text))
    if (lasts) hides = setTimeout(() => say(""), lasts)
  }

  // What was typed into fields that are still there; nothing is held up while somebody types.
  const typed = new Set()
  let touched = -TYPING
  const types = (event) => {
    const [field] = event.composedPath()
    touched = performance.now()
    if (event.isTrusted && field.matches?.("textarea, input:not([type=password], [type=file], [type=checkbox])")) typed.add(field)
  }
  const texts = () => [...typed].filter((each) => each.isConnected && each.value && label(each))
    .map((each) => ({name: label(each), text: each.value}))

  const leave = () => {
    if (performance.now() - touched < TYPING) { timer = setTimeout(leave, LOOK); return }
    if (!document.dispatchEvent(new CustomEvent("workbench:back", {cancelable: true}))) {
      say("Connected again. The page is loaded anew as soon as what is under way has ended.")
      timer = setTimeout(leave, FIRST)
      return
    }
    const kept = {address: location.href, scrolled: heights(), media: sounds(before), texts: texts()}
    try { sessionStorage.setItem(KEPT, JSON.stringify(kept)) } catch { /* then the page begins at its top */ }
    location.reload()
  }
  const ask = async () => {
    clearTimeout(timer)
    timer = -1  // under way
    try {
      const answer = await fetch("/healthz", {cache: "no-store", signal: AbortSignal.timeout(LAST)})
      if (answer.ok) { leave(); return }
    } catch { /* nobody answers yet */ }
    pause = Math.min(2 * pause, LAST)
    timer = setTimeout(ask, pause)
  }
  const now = () => { if (lost && timer > 0 && !document.hidden) ask() }
  const begin = () => {
    if (lost) return
    lost = true
    before = sounds()
    document.dispatchEvent(new CustomEvent("workbench:lost"))
    say("The connection to the workbench is lost. Trying again…")
    timer = setTimeout(ask, pause)
  }

  // Bokeh tells of the loss as an event, of which the notifications would make a box of their own: it ends here.
  const {event_manager: events} = view.model.document, send = events.send_event.bind(events)
  events.send_event = (event) => (event.event_name === "connection_lost" ? begin() : send(event))
  document.addEventListener("input", types, true)
  addEventListener("online", now)
  document.addEventListener("visibilitychange", now)
  model.on("remove", () => {
    clearTimeout(timer)
    clearTimeout(hides)
    document.removeEventListener("input", types, true)
    removeEventListener("online", now)
    document.removeEventListener("visibilitychange", now)
  })

  const kept = taken()
  if (kept) {
    setTimeout(() => say("Connected again.", READ))  // a status that comes with its text is not read out
    pause = LAST  // where every page loses its connection at once, browsers would else ask without end
    setTimeout(() => { if (!lost) pause = FIRST }, SOON)
    putBack(kept, (text) => say(text, 2 * READ))
  }
  return banner
}
