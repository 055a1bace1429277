// A convenience: every page works without it. A button to copy each command, "/" for the search field, and a list of
// repositories that follows what is typed there.
"use strict";

function copy(field, button) {
  const done = () => {
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 1600);
  };
  const byHand = () => {
    field.focus();
    field.select();
    if (document.execCommand("copy")) done();
  };
  // Browsers have a clipboard on pages with TLS and on this machine's only.
  if (navigator.clipboard) navigator.clipboard.writeText(field.value).then(done, byHand);
  else byHand();
}

for (const field of document.querySelectorAll("textarea.command")) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.setAttribute("aria-label", "Copy: " + field.value);
  button.addEventListener("click", () => copy(field, button));
  field.addEventListener("focus", () => field.select());
  field.after(button);
}

document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
  if (/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) return;
  event.preventDefault();
  document.getElementById("find").focus();
});

function searchAsOneTypes(field) {
  let waiting = 0;
  let asked = 0;
  const show = async (address) => {
    const mine = ++asked;
    const answer = await fetch(address, { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    // What was pasted leads to another page, which Enter opens; and an older answer may come late.
    if (!answer.ok || answer.redirected || mine !== asked) return;
    document.getElementById("main").replaceChildren(...page.getElementById("main").children);
    document.title = page.title;
    history.replaceState(null, "", address);
  };
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    const query = field.value.trim() ? "?" + new URLSearchParams({ q: field.value.trim() }) : "";
    waiting = setTimeout(() => show(field.form.action + query).catch(() => {}), 300);
  });
}

if (document.querySelector("main[data-follows]")) searchAsOneTypes(document.getElementById("find"));
