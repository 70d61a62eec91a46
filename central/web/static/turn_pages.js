// SPDX-License-Identifier: Apache-2.0
// A scanner types faster than a page comes, and what is typed between two pages is lost. So the forms of a count, a picker and a wall are sent without
// leaving the page, and what is typed meanwhile goes into the next page's field, wherever the focus was. A page that shows what is at hand (data-stop) is
// drawn anew when a light was pressed or a lamp died. Without this script the forms are ordinary ones, and a label that lost its beginning is refused.

const LOOK_MS = 1500;
let turning = false;
let early = "";

async function turn(address, request) {
  turning = true;
  try {
    const answer = await fetch(address, { ...request, headers: { Accept: "text/html" } });
    show(answer.url, await answer.text());
  } finally {
    turning = false;
  }
  typeAhead();
}

async function send(form, button) {
  const said = new URLSearchParams(new FormData(form));
  if (button?.name) said.append(button.name, button.value);
  try {
    await turn(form.action, { method: "POST", body: said });
  } catch {
    // The browser says in its own words that the network is away, and sends again; of the button it would not know.
    if (button?.name) form.append(Object.assign(document.createElement("input"), { type: "hidden", name: button.name, value: button.value }));
    form.submit();
  }
}

function show(address, html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  document.title = fresh.title;
  document.body.replaceWith(fresh.body);
  history.replaceState(null, "", address);
  scrollTo(0, 0);
  document.querySelector("[autofocus]")?.focus();
}

// What was typed while the page turned: of a field of many lines all of it, else one line, whose end sends the next form.
function typeAhead() {
  const field = document.activeElement;
  if (field?.matches("textarea")) field.value += early;
  const [line, ...rest] = early.split("\n");
  early = "";
  if (!field?.matches("input")) return;
  field.value += line;
  if (!rest.length) return;
  early = rest.join("\n");
  field.form.requestSubmit(field.form.querySelector("button"));
}

// Somebody is about to say something: the page stays as it is.
const busy = () => turning || document.hidden || document.querySelector("input:not([data-scan]):focus") || document.querySelector("input[data-scan]")?.value;

async function look() {
  const { stop, here = "/pick", goods = "" } = document.body.dataset;
  if (stop === undefined || busy()) return;
  const query = goods && `?${new URLSearchParams({ goods })}`;
  try {
    const answer = await fetch(`${here}/state${query}`, { headers: { Accept: "application/json" } });
    const old = answer.ok && (await answer.json()).now !== stop;
    if (old && !busy() && document.body.dataset.stop === stop) await turn(here + query);
  } catch {
    // The network is away for a moment; the next look comes soon.
  }
}

document.addEventListener("keydown", (event) => {
  const key = event.key === "Enter" ? "\n" : event.key;
  if (key.length !== 1 || event.ctrlKey || event.metaKey || event.altKey) return;
  if (turning) {
    early += key;
    event.preventDefault();
  } else if (document.activeElement === document.body) document.querySelector("input[data-scan], input[autofocus]")?.focus();
});
// A glove presses twice: the second press of a form that is on its way is nothing.
document.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!turning) send(event.target, event.submitter);
});
setInterval(look, LOOK_MS);
