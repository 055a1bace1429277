// A convenience: every page works without it. Adds a button to copy each command, and keeps "/" for the search field.
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
