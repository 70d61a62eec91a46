// SPDX-License-Identifier: Apache-2.0
// A scanner types faster than a page comes, and what is typed between two pages is lost. So the forms of a count are sent without leaving the page,
// and what is typed meanwhile goes into the next page's field. Without this script the forms are ordinary ones, and a label that lost its beginning is refused.

let sending = false;
let early = "";

async function send(form, button) {
  sending = true;
  const said = new URLSearchParams(new FormData(form));
  if (button?.name) said.append(button.name, button.value);
  try {
    const answer = await fetch(form.action, { method: "POST", body: said, headers: { Accept: "text/html" } });
    show(answer.url, await answer.text());
  } catch {
    form.submit(); // The browser says in its own words that the network is away, and sends again.
  } finally {
    sending = false;
  }
  typeAhead();
}

function show(address, html) {
  const fresh = new DOMParser().parseFromString(html, "text/html");
  document.title = fresh.title;
  document.body.replaceWith(fresh.body);
  history.replaceState(null, "", address);
  scrollTo(0, 0);
  document.querySelector("[autofocus]")?.focus();
}

// What was typed while the form was on its way: of a field of many lines all of it, else one line, whose end sends the next form.
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

document.addEventListener("keydown", (event) => {
  const key = event.key === "Enter" ? "\n" : event.key;
  if (key.length !== 1 || event.ctrlKey || event.metaKey || event.altKey) return;
  if (sending) {
    early += key;
    event.preventDefault();
  } else if (document.activeElement === document.body) document.querySelector("input[autofocus]")?.focus();
});
document.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!sending) send(event.target, event.submitter);
});
