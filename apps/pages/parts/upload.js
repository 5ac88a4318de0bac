// Uploads that survive a broken connection, a closed laptop and a restarted server: tus 1.0.0, without a library,
// since all that is needed of it is three requests. Where each file's upload is, is kept in this browser, so that
// the same file chosen again goes on where it stopped.
const PIECE = 64 * 2 ** 20
const WAITS = [1, 2, 5, 10, 20, 30]  // seconds; the last one again and again
const VERSION = {"Tus-Resumable": "1.0.0"}

const coded = (text) => btoa(String.fromCharCode(...new TextEncoder().encode(text)))

export const size = (bytes) => {
  const units = ["bytes", "kB", "MB", "GB", "TB"]
  let place = 0
  while (bytes >= 1000 && place < units.length - 1) { bytes /= 1000; place += 1 }
  return `${bytes.toFixed(place > 1 ? 1 : 0)} ${units[place]}`
}

const time = (seconds) => {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

class Refused extends Error {}
class Wait extends Error {
  constructor(seconds) { super(); this.seconds = seconds }
}

// Where an upload goes on is nice to know after a reload, and never worth an upload that fails.
const kept = {
  get: (key) => { try { return localStorage.getItem(key) } catch { return null } },
  set: (key, place) => { try { localStorage.setItem(key, place) } catch { /* private, or full */ } },
  drop: (key) => { try { localStorage.removeItem(key) } catch { /* as above */ } },
}

const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000))

// What an answer that is no success means: try again, wait for so long, or never.
const problem = (status, detail, after) => {
  if (status === 429) return new Wait(Number(after) || 5)
  if (status === 401) return new Refused("log in again, then choose this file again: what has arrived is kept")
  if (status >= 500 && status !== 507 || [408, 409, 423].includes(status)) return new Error(detail)
  return new Refused(detail || `the server answered ${status}`)
}

const checked = async (response) => {
  if (response.ok) return response
  let detail = ""
  try { detail = (await response.json()).detail } catch { /* HEAD has no body */ }
  throw problem(response.status, detail, response.headers.get("Retry-After"))
}

class Upload {
  constructor(file, fields, endpoint, changed) {
    Object.assign(this, {file, fields, endpoint, changed, state: "waiting", sent: 0, speed: 0, note: "", place: null})
    this.key = `workbench-upload:${file.name}:${file.size}:${file.lastModified}`
    this.ending = new AbortController()
  }

  get percent() { return this.file.size ? 100 * this.sent / this.file.size : 100 }

  told(state, note = "") {
    if (this.state === "stopped") return
    this.state = state
    this.note = note
    this.changed()
  }

  async run() {
    for (let tries = 0; this.state !== "stopped"; tries += 1) {
      try {
        await this.readable()
        await this.go(() => { tries = 0 })
        kept.drop(this.key)
        return this.told("done")
      } catch (error) {
        if (this.state === "stopped") return
        if (error instanceof Refused) return this.told("failed", error.message)
        const wait = error instanceof Wait ? error.seconds : WAITS[Math.min(tries, WAITS.length - 1)]
        this.told("broken", `${error instanceof Wait ? "the server is busy" : "the connection broke"}; the next try is in ${wait} s`)
        await Promise.race([pause(wait), new Promise((done) => { this.again = done })])
      }
    }
  }

  async readable() {
    try { await this.file.slice(0, 1).arrayBuffer() }
    catch { throw new Refused("it cannot be read: a folder, or a file that was moved; choose it again") }
  }

  ask(place, method, headers = {}, signal = this.ending.signal) {
    return fetch(place, {method, headers: {...VERSION, ...headers}, signal})
  }

  async go(progressed) {
    this.place = kept.get(this.key) || await (this.announced = this.announce())
    const head = await this.ask(this.place, "HEAD")
    if ([404, 410].includes(head.status)) {  // it has expired, or somebody removed it
      kept.drop(this.key)
      this.place = await (this.announced = this.announce())
    } else {
      this.sent = Number((await checked(head)).headers.get("Upload-Offset"))
    }
    while (this.sent < this.file.size && this.state !== "stopped") {
      await this.piece(this.sent)
      progressed()
    }
  }

  async announce() {
    const said = {...this.fields, filename: this.file.name}
    const metadata = Object.entries(said).filter(([, value]) => value !== "" && value != null)
      .map(([name, value]) => `${name} ${coded(String(value))}`).join(",")
    const headers = {"Upload-Length": String(this.file.size), "Upload-Metadata": metadata}
    // not broken off by who cancels: the server would have an upload of which nobody knows where it is
    const place = (await checked(await this.ask(this.endpoint, "POST", headers, null))).headers.get("Location")
    this.sent = 0
    kept.set(this.key, place)
    return place
  }

  piece(offset) {
    return new Promise((done, failed) => {
      const request = this.request = new XMLHttpRequest()
      let last = performance.now(), before = offset
      request.open("PATCH", this.place)
      const headers = {...VERSION, "Upload-Offset": String(offset), "Content-Type": "application/offset+octet-stream"}
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value)
      request.upload.onprogress = (event) => {
        const now = performance.now()
        if (now - last < 250) return
        const speed = (offset + event.loaded - before) / (now - last) * 1000
        this.speed = this.speed ? 0.7 * this.speed + 0.3 * speed : speed
        last = now
        before = this.sent = offset + event.loaded
        this.told("sending")
      }
      request.onload = () => {
        if (request.status === 204) { this.sent = Number(request.getResponseHeader("Upload-Offset")); return done() }
        let detail = ""
        try { detail = JSON.parse(request.responseText).detail } catch { /* not ours */ }
        failed(problem(request.status, detail, request.getResponseHeader("Retry-After")))
      }
      request.onerror = request.onabort = () => failed(new Error())
      if (this.state === "stopped") return failed(new Error())
      request.send(this.file.slice(offset, offset + PIECE))
    })
  }

  // Given up for good: what has arrived would count towards the quota for days.
  async stop() {
    this.state = "stopped"
    this.ending.abort()
    this.request?.abort()
    this.again?.()
    const place = await this.announced?.catch(() => null) || this.place || kept.get(this.key)
    kept.drop(this.key)
    for (let tries = 0; place && tries < 15; tries += 1) {  // locked until the server has seen the end
      await pause(2)
      try { if ([204, 404, 410].includes((await fetch(place, {method: "DELETE", headers: VERSION})).status)) return }
      catch { /* no network: the next time, or never */ }
    }
  }
}

export function render({model}) {
  const root = document.createElement("div")
  root.innerHTML = `
    <label class="drop"><input type="file" multiple data-testid="files">
      <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M12 16V4m0 0-5 5m5-5 5 5M4 16v4h16v-4"/></svg>
      <strong>Drop recordings here</strong><span class="soft">or choose files: video or sound, any length.
      An upload that breaks off goes on where it stopped.</span></label>
    <ul class="uploads" aria-label="Uploads"></ul><p class="unseen" role="status"></p>`
  const drop = root.querySelector(".drop"), input = root.querySelector("input")
  const list = root.querySelector("ul"), status = root.querySelector("[role=status]")
  const uploads = []
  let running = false

  const next = async () => {
    if (running) return
    running = true
    for (let each; (each = uploads.find((one) => one.state === "waiting"));) {
      each.told("sending")
      await each.run()
      if (each.state === "done") status.textContent = `${each.file.name} has arrived`
    }
    running = false
  }

  const facts = (one) => {
    const whole = size(one.file.size)
    if (one.state === "waiting") return `${whole}, waits for the one before`
    if (one.state === "done") return `${whole}, has arrived`
    if (one.state !== "sending") return `${size(one.sent)} of ${whole}: ${one.note}`
    const rest = one.speed ? `, ${size(one.speed)}/s, ${time((one.file.size - one.sent) / one.speed)} left` : ""
    return `${size(one.sent)} of ${whole}${rest}`
  }

  const row = (upload) => {
    const item = document.createElement("li")
    item.innerHTML = `<div class="name"></div><button type="button"></button><progress max="100"></progress>
      <div class="soft facts"></div>`
    const [name, button, bar, words] = item.children
    name.textContent = upload.file.name
    bar.setAttribute("aria-label", `Upload of ${upload.file.name}`)
    button.onclick = () => {
      if (!["done", "failed"].includes(upload.state)) upload.stop()
      item.remove()
    }
    upload.changed = () => {
      item.className = upload.state
      bar.value = upload.percent
      words.textContent = facts(upload)
      button.textContent = ["done", "failed"].includes(upload.state) ? "Clear" : "Cancel"
      button.setAttribute("aria-label", `${button.textContent} ${upload.file.name}`)
    }
    upload.changed()
    list.append(item)
  }

  const take = (files) => {
    for (const file of files) {
      const alone = files.length === 1
      const fields = {...model.fields, title: alone ? model.fields.title : ""}
      const upload = new Upload(file, fields, model.endpoint, () => {})
      uploads.push(upload)
      row(upload)
    }
    next()
  }

  input.onchange = () => { take([...input.files]); input.value = "" }
  for (const name of ["dragenter", "dragover"]) drop.addEventListener(name, (event) => {
    event.preventDefault()
    drop.classList.add("over")
  })
  drop.addEventListener("dragleave", () => drop.classList.remove("over"))
  drop.addEventListener("drop", (event) => {
    event.preventDefault()
    drop.classList.remove("over")
    const folders = [...event.dataTransfer.items].map((each) => each.webkitGetAsEntry?.()?.isDirectory)
    take([...event.dataTransfer.files].filter((_, place) => !folders[place]))
  })
  const stay = (event) => {
    if (uploads.some((one) => ["sending", "broken", "waiting"].includes(one.state))) event.preventDefault()
  }
  window.addEventListener("beforeunload", stay)
  document.addEventListener("workbench:back", stay)  // a page that is loaded anew has its files no more
  return root
}
