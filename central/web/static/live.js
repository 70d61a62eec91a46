// SPDX-License-Identifier: Apache-2.0
// Keeps the board live: takes regions from the server's stream, counts ages on, says when what stands is old, sends what people press.
// Without it the page still works: it reloads itself and its buttons are ordinary forms.

const STALE_AFTER_MS = 6000;
const page = document.body.dataset;
const banner = document.getElementById("stale");
const unsent = document.getElementById("unsent");
const asOf = document.getElementById("as-of");
let serverAheadMs = Date.parse(page.now) - Date.now();
let beatenAt = performance.now();
let beatClock = asOf.textContent;
let source = null;
let since = new URL(page.stream, location.href).searchParams.get("since");

// Change `old` into `fresh` in place, so that focus, selection and pointer stay where they are. Elements with an id are the same only if the id is.
function morph(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) return old.replaceWith(fresh);
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  if (old.isEqualNode(fresh)) return;
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of [...fresh.attributes]) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  morphChildren(old, [...fresh.childNodes]);
}

function morphChildren(parent, wanted) {
  const keyed = new Map([...parent.children].filter((child) => child.id).map((child) => [child.id, child]));
  const kept = new Set(wanted.map((node) => node.id).filter((id) => id && keyed.has(id)));
  // What goes, goes first: then what stays rarely has to be moved, and moving costs an element its focus.
  for (const [id, child] of keyed) if (!kept.has(id)) child.remove();
  let here = parent.firstChild;
  for (const node of wanted) {
    const same = node.id ? keyed.get(node.id) : here && !here.id && here.nodeName === node.nodeName ? here : null;
    if (!same) {
      parent.insertBefore(node, here);
      continue;
    }
    if (same === here) here = here.nextSibling;
    else parent.insertBefore(same, here);
    morph(same, node);
  }
  while (here) {
    const next = here.nextSibling;
    here.remove();
    here = next;
  }
}

function replaceRegion(name, html) {
  const region = document.getElementById(name);
  const holder = document.createElement("template");
  holder.innerHTML = html;
  const fresh = holder.content.firstElementChild;
  const focused = region.contains(document.activeElement) ? document.activeElement : null;
  morph(region, fresh);
  if (focused && focused !== document.activeElement) (focused.isConnected ? focused : document.getElementById(`${name}-title`))?.focus({ preventScroll: true });
  countAges();
}

// The same steps as words.age_text.
function ageText(ageS) {
  const [unit, n] = ageS < 90 ? ["S", ageS] : ageS < 5400 ? ["Min", ageS / 60] : ageS < 172800 ? ["H", ageS / 3600] : ["D", ageS / 86400];
  return page[`age${unit}`].replace("{n}", Math.floor(n));
}

function countAges() {
  const nowMs = Date.now() + serverAheadMs;
  for (const time of document.querySelectorAll("time[data-age]")) {
    const text = ageText(Math.max(0, Math.floor((nowMs - Date.parse(time.dateTime)) / 1000)));
    if (time.textContent !== text) time.textContent = text;
  }
}

function showStaleness() {
  const stale = performance.now() - beatenAt > STALE_AFTER_MS;
  if (stale === banner.hidden) {
    banner.textContent = stale ? page.stale.replace("{time}", beatClock) : "";
    banner.hidden = !stale;
    document.documentElement.classList.toggle("stale", stale);
  }
}

function beat(event) {
  const { at, clock } = JSON.parse(event.data);
  serverAheadMs = Date.parse(at) - Date.now();
  beatenAt = performance.now();
  beatClock = clock;
  asOf.textContent = clock;
  asOf.dateTime = at;
  showStaleness();
}

// A hidden page gives its connection back: a browser opens at most six to one server over HTTP/1.1.
function connect() {
  source?.close();
  source = null;
  if (document.hidden) return;
  const address = new URL(page.stream, location.href);
  address.searchParams.set("since", since);
  source = new EventSource(address);
  source.addEventListener("beat", beat);
  for (const region of document.querySelectorAll("[data-region]")) {
    source.addEventListener(region.id, (event) => {
      since = event.lastEventId;
      replaceRegion(region.id, event.data);
    });
  }
}

async function send(form, button) {
  button.disabled = true;
  unsent.hidden = true;
  try {
    const answer = await fetch(form.action, { method: "POST", headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error(String(answer.status));
  } catch {
    button.disabled = false;
    unsent.textContent = page.unsent;
    unsent.hidden = false;
  }
}

document.addEventListener("submit", (event) => {
  if (!event.target.matches("form[data-act]")) return;
  event.preventDefault();
  send(event.target, event.submitter ?? event.target.querySelector("button"));
});
document.addEventListener("visibilitychange", connect);
addEventListener("pagehide", () => source?.close());
addEventListener("pageshow", (event) => event.persisted && connect());
setInterval(() => {
  countAges();
  showStaleness();
}, 1000);
connect();
