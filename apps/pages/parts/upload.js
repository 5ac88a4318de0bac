// Uploads that survive a broken connection, a closed laptop and a restarted server: tus 1.0.0, without a library,
// since all that is needed of it is three requests. Where each file's upload is, is kept in this browser, so that
// the same file chosen again goes on where it stopped.
const PIECE = 64 * 2 ** 20
const WAITS = [1, 2, 5, 10, 20, 30]  // seconds; the last one again and again
const VERSION = {"Tus-Resumable": "1.0.0"}

const keyOf = (file) => `workbench-upload:${file.name}:${file.size}:${file.lastModified}`
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

const reason = async (response) => {
  try { return (await response.json()).detail } catch { return `the server answered ${response.status}` }
}

class Upload {
  constructor(file, fields, endpoint, changed) {
    Object.assign(this, {file, fields, endpoint, changed, state: "waiting", sent: 0, speed: 0, note: "", request: null})
  }

  get percent() { return this.file.size ? 100 * this.sent / this.file.size : 100 }

  told(state, note = "") { this.state = state; this.note = note; this.changed() }

  async run() {
    for (let tries = 0; this.state !== "stopped"; tries += 1) {
      try {
        await this.go(() => { tries = 0 })
        localStorage.removeItem(keyOf(this.file))
        return this.told("done")
      } catch (error) {
        if (this.state === "stopped") return
        if (error instanceof Refused) return this.told("failed", error.message)
        const wait = WAITS[Math.min(tries, WAITS.length - 1)]
        this.told("broken", `the connection broke; the next try is in ${wait} s`)
        await new Promise((done) => { this.again = done; setTimeout(done, wait * 1000) })
      }
    }
  }

  async go(progressed) {
    const place = localStorage.getItem(keyOf(this.file)) || await this.announce()
    const head = await fetch(place, {method: "HEAD", headers: VERSION})
    if ([403, 404, 410].includes(head.status)) {  // it has expired, or somebody removed it
      localStorage.removeItem(keyOf(this.file))
      return this.go(progressed)
    }
    if (!head.ok) throw head.status < 500 && head.status !== 423 ? new Refused(await reason(head)) : new Error()
    this.sent = Number(head.headers.get("Upload-Offset"))
    while (this.sent < this.file.size) {
      await this.piece(place, this.sent)
      progressed()
    }
  }

  async announce() {
    const said = {...this.fields, filename: this.file.name}
    const metadata = Object.entries(said).filter(([, value]) => value !== "" && value != null)
      .map(([name, value]) => `${name} ${coded(String(value))}`).join(",")
    const headers = {...VERSION, "Upload-Length": String(this.file.size), "Upload-Metadata": metadata}
    const response = await fetch(this.endpoint, {method: "POST", headers})
    if (!response.ok) throw response.status < 500 || response.status === 507
      ? new Refused(await reason(response)) : new Error()
    const place = response.headers.get("Location")
    if (this.file.size) localStorage.setItem(keyOf(this.file), place)
    return place
  }

  piece(place, offset) {
    return new Promise((done, failed) => {
      const request = this.request = new XMLHttpRequest()
      let last = performance.now(), before = offset
      request.open("PATCH", place)
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
        let detail = `the server answered ${request.status}`
        try { detail = JSON.parse(request.responseText).detail } catch { /* not ours */ }
        failed(request.status >= 500 && request.status !== 507 || [409, 423, 408].includes(request.status)
          ? new Error(detail) : new Refused(detail))
      }
      request.onerror = request.onabort = () => failed(new Error())
      request.send(this.file.slice(offset, offset + PIECE))
    })
  }

  stop() {
    this.state = "stopped"
    this.request?.abort()
    this.again?.()
    const place = localStorage.getItem(keyOf(this.file))
    localStorage.removeItem(keyOf(this.file))
    if (place) fetch(place, {method: "DELETE", headers: VERSION}).catch(() => {})
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
      if (upload.state !== "done") upload.stop()
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
    take([...event.dataTransfer.files])
  })
  window.addEventListener("beforeunload", (event) => {
    if (uploads.some((one) => ["sending", "broken", "waiting"].includes(one.state))) event.preventDefault()
  })
  return root
}
