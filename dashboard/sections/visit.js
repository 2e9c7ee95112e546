// When this page was last open in this browser, kept by the browser alone. A tab keeps what it found as it was opened,
// so that the answer stays for as long as somebody looks at it.
const KEPT = "plumbline.visit"

export default function ({ setStateValue }) {
  try {
    let before = sessionStorage.getItem(KEPT)
    if (before === null) {
      before = localStorage.getItem(KEPT) ?? ""
      sessionStorage.setItem(KEPT, before)
      localStorage.setItem(KEPT, new Date().toISOString())
    }
    if (before) setStateValue("visit", before)
  } catch {
    // A browser that keeps nothing has no last visit.
  }
}
