// Light or dark: what this browser has chosen, or else what the system has. A cookie tells the server, so that a
// page comes in the right colours at once; only the very first one has to be asked for again.
const remember = (dark, age) => {
  document.cookie = `workbench_theme=${dark ? "dark" : "light"}; path=/; samesite=lax${age}`
}

// The bar that shows that the page is busy stands in a root above this part, and comes without a name.
const nameBar = (node) => {
  for (let root = node.getRootNode(); root; root = root.host?.getRootNode()) {
    root.querySelector(".MuiLinearProgress-root")?.setAttribute("aria-label", "The page is busy")
  }
}

export function render({model}) {
  document.title = model.title
  if (!model.known) {
    const dark = window.matchMedia("(prefers-color-scheme: dark)").matches
    remember(dark, "")
    if (dark && document.cookie.includes("workbench_theme=dark")) location.reload()
  }
  model.on("dark", () => remember(model.dark, "; max-age=31536000"))
  const nothing = document.createElement("span")
  nothing.hidden = true
  setTimeout(() => nameBar(nothing))
  return nothing
}
