// Light or dark: what this browser has chosen, or else what the system has. A cookie tells the server, so that a
// page comes in the right colours at once; only the very first one has to be asked for again.
const remember = (dark, age) => {
  document.cookie = `workbench_theme=${dark ? "dark" : "light"}; path=/; samesite=lax${age}`
}

export function render({model}) {
  document.title = model.title
  model.on("title", () => { document.title = model.title })
  if (!model.known) {
    const dark = window.matchMedia("(prefers-color-scheme: dark)").matches
    remember(dark, "")
    if (dark && document.cookie.includes("workbench_theme=dark")) location.reload()
  }
  model.on("dark", () => remember(model.dark, "; max-age=31536000"))
  const nothing = document.createElement("span")
  nothing.hidden = true
  return nothing
}
