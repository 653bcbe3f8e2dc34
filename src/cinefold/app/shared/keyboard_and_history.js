// What a page is used to from the web, and Streamlit leaves out.

const BUTTON = "[data-testid=stPopoverButton]";
const CONTROLS = "a[href], button:enabled, input:enabled, textarea:enabled, [tabindex='0']";
const MILLISECONDS_TO_OPEN = 20_000; // on a busy machine; it takes a moment elsewhere
const MILLISECONDS_TO_REDRAW = 1000; // in which a popover may be drawn more than once
const MILLISECONDS_TO_SETTLE = 100;

const nobodyHasFocus = () => document.activeElement === null || document.activeElement === document.body;

// -- Popovers -----------------------------------------------------------------------------------
// They are drawn at the end of the page, and the focus stays on their button: with the keyboard one
// would have to pass the whole page to get there.

function enterPopover() {
  let end = performance.now() + MILLISECONDS_TO_OPEN;
  const look = () => {
    const popover = document.querySelector("[data-testid=stPopoverBody]");
    if (popover !== null) end = Math.min(end, performance.now() + MILLISECONDS_TO_REDRAW);
    if (nobodyHasFocus() || document.activeElement.matches(BUTTON)) popover?.focus();
    if (performance.now() < end) requestAnimationFrame(look);
  };
  look();
}

function enterOpenedPopover(event) {
  const withKey = event.detail === 0;
  const button = event.target.closest(BUTTON);
  if (withKey && button?.ariaExpanded === "false") enterPopover();
}

// -- Focus --------------------------------------------------------------------------------------
// An answer by keyboard may take the answered movie away, and its stars with the focus on them. The
// focus goes to the control that takes their place, or the next Tab would start anywhere.

let place = null; // of the control that got the focus by keyboard: ancestors, and which it is in each
let byKeyboard = true;
let settled = 0; // a timer

const controlsIn = (element) => [...element.querySelectorAll(CONTROLS)];

function rememberPlace({ target }) {
  place = null;
  if (!byKeyboard) return; // on a phone, the focus could open its keyboard
  place = { path: location.pathname, steps: [] };
  for (let box = target.parentElement; box !== null; box = box.parentElement) {
    place.steps.push([box, controlsIn(box).indexOf(target)]);
    if (box.matches("main, [data-testid=stMain]")) return;
  }
  place = null; // what is not in the page stays where it is
}

function keepFocus() {
  if (place === null || !nobodyHasFocus() || place.path !== location.pathname) return;
  for (const [box, index] of place.steps) {
    const controls = box.isConnected ? controlsIn(box) : [];
    if (controls.length > 0) {
      controls[Math.min(index, controls.length - 1)].focus();
      return;
    }
  }
}

function afterRedraw() {
  if (place === null || !nobodyHasFocus()) return;
  clearTimeout(settled);
  settled = setTimeout(keepFocus, MILLISECONDS_TO_SETTLE);
}

function onPointer() {
  byKeyboard = false;
  place = null;
}

function onKey() {
  byKeyboard = true;
  if (place === null && !nobodyHasFocus()) rememberPlace({ target: document.activeElement });
}

// -- The menu of a phone ------------------------------------------------------------------------
// A page that is chosen is to be seen: Streamlit leaves the menu over it in a narrow window.

const NARROW = "(max-width: 768px)";

function closeMenu({ target }) {
  if (!matchMedia(NARROW).matches || !target.closest("[data-testid=stSidebarNavLink]")) return;
  setTimeout(() => {
    const close = document.querySelector("[data-testid=stSidebarCollapseButton] button");
    if (close !== null && close.getBoundingClientRect().left > 0) close.click();
  }, MILLISECONDS_TO_SETTLE);
}

// -- Search -------------------------------------------------------------------------------------
// Enter takes the first movie that was found: it presses its button, or goes to its stars.

const MILLISECONDS_TO_FIND = 5000;
const MILLISECONDS_TO_SEND = 300;
const WORKING = "[data-test-script-state=running], [data-stale=true]";

function takeFirstFound(event) {
  if (event.key !== "Enter" || !event.target.matches("input[type=search]")) return;
  const box = event.target;
  const end = performance.now() + MILLISECONDS_TO_FIND;
  const look = () => {
    const first = document.querySelector("[class*='-found'] button:enabled");
    if (document.activeElement !== box) return;
    if (first === null || document.querySelector(WORKING) !== null) {
      if (performance.now() < end) setTimeout(look, MILLISECONDS_TO_SETTLE);
    } else if (first.matches("[role=radio]")) {
      first.focus();
    } else {
      first.click();
    }
  };
  setTimeout(look, MILLISECONDS_TO_SEND);
}

// -- Half stars ---------------------------------------------------------------------------------
// Streamlit has whole ones: style.css draws the last star of a key that ends with "-half" as a half.

function nameHalfStars() {
  for (const star of document.querySelectorAll("[class*='-half'] [role=radio][aria-checked=true]")) {
    star.ariaLabel = `${controlsIn(star.parentElement).indexOf(star) + 0.5} out of 5 stars`;
  }
}

// -- Back ---------------------------------------------------------------------------------------
// The address also keeps what a page goes on with (?profile=3) and its settings: no places of their
// own to go back to. Nor is what a page that has just come adds; what somebody chooses on it later is.

const CHOSEN = ["user", "movie", "with", "way"];

const MILLISECONDS_TO_LEAVE = 20_000; // on a busy machine

let pageSince = 0;
let lastInput = 0;
let leavingSince = -Infinity;

function noteInput(event) {
  lastInput = performance.now();
  const link = event.type === "click" ? event.target.closest("a[href]") : null;
  if (link !== null && leavesBy(link, event)) leavingSince = lastInput;
}

function leavesBy(link, { ctrlKey, metaKey, shiftKey }) {
  const elsewhere = ctrlKey || metaKey || shiftKey || (link.target !== "" && link.target !== "_self");
  return !elsewhere && link.origin === location.origin && link.pathname !== location.pathname;
}

// Links in Markdown open in another window: those to pages of the app lead on.
function followLink(event) {
  const link = event.target.closest("a[target=_blank]:not([href*=':'])");
  if (link === null || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  History.prototype.pushState.call(history, null, "", link.href);
  window.dispatchEvent(new PopStateEvent("popstate"));
}

function notePage() {
  pageSince = performance.now();
  leavingSince = -Infinity;
}

function placeOf(address) {
  const { pathname, searchParams } = new URL(address ?? "", location.href);
  return { page: pathname, choice: CHOSEN.map((key) => searchParams.get(key)).join("&") };
}

function pushState(state, unused, address) {
  const from = placeOf(location.href);
  const to = placeOf(address);
  if (to.page !== from.page) {
    notePage();
  } else if (performance.now() < leavingSince + MILLISECONDS_TO_LEAVE) {
    return; // a page that is left takes its choices out of the address: Back would miss them
  } else if (to.choice === from.choice || lastInput <= pageSince) {
    history.replaceState(state, unused, address);
    return;
  }
  History.prototype.pushState.call(history, state, unused, address);
}

// -- Restarts -----------------------------------------------------------------------------------
// An app that was started again does not know the fragments of a page that was open all the time,
// and clicks in them would do nothing: all is drawn again.

let cutOff = false;

function noteConnection(reconnect) {
  const before = cutOff;
  cutOff = document.querySelector("[data-testid=stConnectionStatus]") !== null;
  if (before && !cutOff) reconnect();
}

// Popovers and menus are drawn outside of the app, whose style says whether it is light or dark.
function takeScheme() {
  const app = document.querySelector("[data-testid=stApp]");
  document.documentElement.style.colorScheme = getComputedStyle(app).colorScheme;
}

// -----------------------------------------------------------------------------------------------

const LISTENERS = [
  [document, "click", takeScheme],
  [document, "click", enterOpenedPopover],
  [document, "click", noteInput],
  [document, "click", closeMenu],
  [document, "click", followLink],
  [document, "keydown", noteInput],
  [document, "focusin", rememberPlace],
  [document, "pointerdown", onPointer],
  [document, "keydown", onKey],
  [document, "keydown", takeFirstFound],
  [window, "popstate", notePage],
];

export default function listen({ setTriggerValue }) {
  const redraws = new MutationObserver(() => {
    afterRedraw();
    nameHalfStars();
    noteConnection(() => setTriggerValue("reconnected", true));
  });
  redraws.observe(document.body, { childList: true, subtree: true });
  for (const [target, kind, listener] of LISTENERS) {
    target.addEventListener(kind, listener, { capture: true });
  }
  history.pushState = pushState;
  return () => {
    redraws.disconnect();
    for (const [target, kind, listener] of LISTENERS) {
      target.removeEventListener(kind, listener, { capture: true });
    }
    delete history.pushState;
  };
}
