// Keys of the search: "/" goes to the field, the arrows go through the hits, Enter in the field opens the first of them.
// What is asked for is handed to Python, which ranks and opens; nothing from outside is written into the page here.
export default function ({ data, setTriggerValue }) {
  const field = () => document.querySelector(`.st-key-${data.field} input`)
  const links = () => [...document.querySelectorAll(`.st-key-${data.hits} a[href]`)]

  const goTo = (place, all) => {
    if (place < 0) field()?.focus()
    else all[Math.min(place, all.length - 1)]?.focus()
  }

  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return
    const at = event.composedPath()[0]
    const typing = at instanceof HTMLElement && (/^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName) || at.isContentEditable)
    if (event.key === "/" && !typing) {
      event.preventDefault()
      field()?.focus()
      field()?.select()
      return
    }
    const all = links()
    const place = all.indexOf(at)
    if (at !== field() && place < 0) return
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault()
      goTo(place + (event.key === "ArrowDown" ? 1 : -1), all)
    } else if (event.key === "Escape" && place >= 0) {
      goTo(-1, all)
    } else if (event.key === "Enter" && place < 0 && at.value.trim()) {
      setTriggerValue("enter", at.value)
    }
  }
  document.addEventListener("keydown", onKey, true)
  field()?.setAttribute("aria-keyshortcuts", "/") // said only from when it is so
  return () => document.removeEventListener("keydown", onKey, true)
}
