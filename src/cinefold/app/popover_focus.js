// Streamlit draws what a popover holds at the end of the page, and leaves the focus on its button:
// with the keyboard one would have to pass the whole page to get there.

const BUTTON = "[data-testid=stPopoverButton]";
const MILLISECONDS_TO_OPEN = 1000; // in which it may be drawn more than once

function enterPopover() {
  const end = performance.now() + MILLISECONDS_TO_OPEN;
  const look = () => {
    if (document.activeElement?.matches(`${BUTTON}, body`) ?? true) {
      document.querySelector("[data-testid=stPopoverBody]")?.focus();
    }
    if (performance.now() < end) requestAnimationFrame(look);
  };
  look();
}

function onClick(event) {
  const byKeyboard = event.detail === 0;
  const button = event.target.closest(BUTTON);
  if (byKeyboard && button?.ariaExpanded === "false") enterPopover();
}

export default function listen() {
  document.addEventListener("click", onClick, { capture: true });
  return () => document.removeEventListener("click", onClick, { capture: true });
}
