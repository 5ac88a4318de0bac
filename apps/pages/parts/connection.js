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

const players = (root = document) => [...root.querySelectorAll("*")].flatMap((each) => [
  ...(each instanceof HTMLMediaElement ? [each] : []), ...(each.shadowRoot ? players(each.shadowRoot) : []),
])
const source = (player) => new URL(player.currentSrc || player.src, location.href).pathname
const ground = () => document.scrollingElement

// Where each player is; one whose source broke meanwhile is as it was `before`.
const sounds = (before = []) => players().map((player) => {
  const then = before.find((each) => each.source === source(player))
  return {
    source: source(player), at: player.currentTime || then?.at || 0,
    plays: player.error && then ? then.plays : !player.paused && !player.ended,
    rate: player.playbackRate, volume: player.volume, muted: player.muted,
  }
}).filter((each) => each.at > 0)

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

const putBack = ({top, media}, say) => {
  let own = false  // whoever scrolls is left alone
  for (const name of ["wheel", "touchmove", "keydown", "pointerdown"]) {
    document.addEventListener(name, () => { own = true }, {passive: true, once: true, capture: true})
  }
  until(() => {
    if (!own && top > 0) ground().scrollTop = top
    return own || Math.abs(ground().scrollTop - top) < 2
  })
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

  const leave = () => {
    if (!document.dispatchEvent(new CustomEvent("workbench:back", {cancelable: true}))) {
      say("Connected again. The page is loaded anew as soon as the upload has ended.")
      timer = setTimeout(leave, FIRST)
      return
    }
    const kept = {address: location.href, top: ground().scrollTop, media: sounds(before)}
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
  addEventListener("online", now)
  document.addEventListener("visibilitychange", now)
  model.on("remove", () => {
    clearTimeout(timer)
    clearTimeout(hides)
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
