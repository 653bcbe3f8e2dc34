// The keys of this browser's profiles, in a cookie of this site: the one used last is the first.

const NAME = "cinefold_profiles";
const MOST = 20;
const DAYS = 400; // more, and browsers cut it

// When the page said last what to keep. A part of the page that was drawn before is rendered again
// at times, with what held then; and another window may have forgotten the keys since.
let latest = 0;

export default function remember({ data }) {
  if (data.since <= latest) return;
  latest = data.since;
  const cookie = document.cookie.split("; ").find((text) => text.startsWith(`${NAME}=`));
  const before = cookie && !data.forget ? cookie.slice(NAME.length + 1).split(".") : [];
  const keys = [...new Set([data.use, ...before])].filter(Boolean).slice(0, MOST);
  if (keys.length === 0 && !data.forget) return;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  const age = keys.length === 0 ? 0 : DAYS * 24 * 60 * 60;
  document.cookie = `${NAME}=${keys.join(".")}; Max-Age=${age}; Path=/; SameSite=Lax${secure}`;
}
