// A box to search in: what is typed is looked for after a short pause, and is kept in the address, so that a link, and
// the way back, lead to the same. The key / leads to it from anywhere on the page.
const PAUSE = 250  // milliseconds without a key

export function render({model}) {
  const root = document.createElement("label"), input = document.createElement("input")
  root.className = "search"
  const name = document.createElement("span")
  name.className = "unseen"
  name.textContent = model.label
  input.type = "search"
  input.placeholder = model.label
  input.maxLength = 500
  input.value = model.text
  input.setAttribute("aria-keyshortcuts", "/")
  const key = document.createElement("kbd")
  key.textContent = "/"
  key.setAttribute("aria-hidden", "true")
  root.append(name, input, key)

  let waits = 0
  const look = () => {
    clearTimeout(waits)
    const text = input.value.trim(), here = new URL(location.href)
    if (text) here.searchParams.set("q", text)
    else here.searchParams.delete("q")
    history.replaceState(history.state, "", here)
    if (model.text !== text) model.text = text
  }
  input.addEventListener("input", () => { clearTimeout(waits); waits = setTimeout(look, PAUSE) })
  input.addEventListener("change", look)

  const pressed = (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return
    const at = event.composedPath()[0]
    if (at?.closest?.("input, textarea, select, [contenteditable]")) return
    event.preventDefault()
    input.focus()
    input.select()
  }
  document.addEventListener("keydown", pressed)
  model.on("remove", () => { clearTimeout(waits); document.removeEventListener("keydown", pressed) })
  return root
}
