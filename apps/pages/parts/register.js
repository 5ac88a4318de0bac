// A list that people change in place. What goes to the REST interface is asked for from here, so that a key that is
// made is only ever shown in the page of who has made it.
const element = (name, className = "", text = "") => {
  const made = document.createElement(name)
  if (className) made.className = className
  made.textContent = text
  return made
}
const button = (text, act, className = "") => {
  const made = element("button", className, text)
  made.type = "button"
  made.onclick = act
  return made
}
const PAUSE = 300  // milliseconds after the last key, before what was typed is looked at

const ask = async (address, method, body) => {
  const answer = await fetch(address, {
    method, ...(body && {headers: {"Content-Type": "application/json"}, body: JSON.stringify(body)}),
  })
  const told = await answer.json().catch(() => ({}))
  if (!answer.ok) throw new Error(told.errors?.[0]?.msg || told.detail || `the server answered ${answer.status}`)
  return told
}

export function render({model}) {
  const root = element("section"), table = element("table"), none = element("p", "soft"), lead = element("p", "soft lead")
  const form = element("form"), told = element("p", "told"), secret = element("div", "secret")
  told.setAttribute("role", "status")
  secret.hidden = true
  const say = (text, how = "") => { told.textContent = text; told.dataset.how = how }

  let first = model.first, gone = ""
  const remove = async (row, line) => {
    for (const each of line.querySelectorAll("button")) each.disabled = true
    try {
      if (model.address) await ask(`${model.address}/${encodeURIComponent(row.key)}`, "DELETE")
      gone = `${row.done}: ${row.cells[0]}`
      model.send_msg({act: "remove", key: row.key})
    } catch (error) {
      say(`That did not work: ${error.message}`, "bad")
      show()
    }
  }
  // The question stands where the button was, and so do its answers.
  const acts = (row, line) => {
    const cell = element("td", "last")
    if (!row.act) return cell
    const first = button(row.act, () => {
      const stop = button("Keep it", () => { cell.replaceChildren(first); first.focus() })
      const go = button(row.act, () => remove(row, line), "main")
      cell.replaceChildren(element("span", "soft", row.ask), go, stop)
      stop.focus()
    })
    first.setAttribute("aria-label", `${row.act}: ${row.cells[0]}`)
    cell.append(first)
    return cell
  }
  const show = () => {
    const caption = element("caption", "", model.caption), head = element("tr"), last = model.rows.some((row) => row.act)
    for (const text of model.heads) {
      const cell = element("th", "", text)
      cell.scope = "col"
      head.append(cell)
    }
    if (last) head.append(element("td"))
    const lines = model.rows.map((row) => {
      const line = element("tr")
      line.append(...row.cells.map((text) => element("td", "", text)))
      if (last) line.append(acts(row, line))
      return line
    })
    const top = element("thead"), body = element("tbody")
    top.append(head)
    body.append(...lines)
    table.replaceChildren(caption, top, body)
    top.hidden = !lines.length
    none.hidden = Boolean(lines.length)
    none.textContent = model.none
    lead.textContent = model.lead
    lead.hidden = !model.lead
  }

  let inputs = {}
  const values = () => Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, input.value.trim()]))
  const hint = element("p", "soft hint")
  hint.setAttribute("role", "status")
  hint.id = "hint"
  const fill = () => {
    inputs = {}
    const send = element("button", "main", model.button)
    send.type = "submit"
    form.replaceChildren(...model.fields.map((field) => {
      const label = element("label"), input = element(field.options ? "select" : "input")
      for (const [value, text] of field.options || []) input.append(new Option(text, value))
      input.value = field.value || input.value
      if (!field.options) Object.assign(input, {required: true, autocomplete: "off", maxLength: 2000, placeholder: field.example || ""})
      if (model.hints) input.setAttribute("aria-describedby", "hint")
      inputs[field.name] = input
      label.append(element("span", "", field.label), input)
      return label
    }), send)
    form.hidden = hint.hidden = !model.fields.length
  }
  let timer = 0
  form.oninput = () => {
    clearTimeout(timer)
    say("")
    if (model.hints) timer = setTimeout(() => model.send_msg({act: "look", values: values()}), PAUSE)
  }
  const busy = (is) => { for (const each of form.querySelectorAll("button")) each.disabled = is }
  const clear = () => { for (const input of Object.values(inputs)) if (input.localName === "input") input.value = "" }

  // Kept in the page until somebody says that it is kept elsewhere.
  const reveal = (answer) => {
    const text = element("code", "", answer.secret), copied = element("span", "soft")
    copied.setAttribute("role", "status")
    const copy = button("Copy", async () => {
      try { await navigator.clipboard.writeText(answer.secret); copied.textContent = "Copied." }
      catch { getSelection().selectAllChildren(text); copied.textContent = "Press Ctrl+C to copy it." }
    }, "main")
    const done = button("I have kept it", () => { secret.hidden = true; secret.replaceChildren() })
    const row = element("div", "acts")
    row.append(copy, done, copied)
    secret.replaceChildren(element("strong", "", `The key of ${answer.key.name}`), text,
      element("p", "", "It is shown this once: keep it where keys are kept."), row)
    secret.hidden = false
    copy.focus()
  }
  form.onsubmit = async (event) => {
    event.preventDefault()
    clearTimeout(timer)
    busy(true)
    if (!model.address) { model.send_msg({act: "add", values: values()}); return }
    say("One moment…")
    try {
      const answer = await ask(model.address, "POST", values())
      say("")
      if (answer.secret) {
        reveal(answer)
        clear()
        if (first) await enter(answer.secret)
        first = false  // whoever makes more keys stays who they are
      } else say(`${answer.delivered ? "Delivered" : "Not delivered"}: ${answer.reason}`, answer.delivered ? "" : "bad")
      model.send_msg({act: "changed"})
    } catch (error) { say(`That did not work: ${error.message}`, "bad") }
    busy(false)
  }
  // From the first key on nobody gets in without one; whoever has made it stays in.
  const enter = (key) => fetch("/login", {method: "POST", body: new URLSearchParams({key}), redirect: "manual"})
  const stay = (event) => { if (!secret.hidden) event.preventDefault() }
  document.addEventListener("workbench:back", stay)
  addEventListener("beforeunload", stay)
  model.on("remove", () => {
    document.removeEventListener("workbench:back", stay)
    removeEventListener("beforeunload", stay)
  })
  model.on("msg:custom", ({act, done}) => {
    busy(false)
    if (act === "add" && done) clear()
    if (act !== "remove") return
    if (done) say(gone)
    else show()
  })
  for (const name of ["rows", "heads", "caption", "lead", "none"]) model.on(name, show)
  for (const name of ["fields", "button"]) model.on(name, fill)
  model.on("hint", () => { hint.textContent = model.hint })
  const frame = element("div", "scroll")
  frame.append(table, none)
  root.append(frame, lead, form, hint, told, secret)
  show()
  fill()
  return root
}
