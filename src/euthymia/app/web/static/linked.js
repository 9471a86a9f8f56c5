// A link that works once has its code behind "#", which is never sent: it goes into the form, and out
// of the address and the history. Without scripts whoever has the link pastes it into the same form.
"use strict";

function take() {
  const code = new URLSearchParams(location.hash.slice(1)).get("code");
  const form = document.querySelector("form[data-linked]");
  if (!code || !form) return;
  history.replaceState(null, "", location.pathname);
  const field = form.elements.namedItem("code");
  field.value = code;
  if (form.dataset.linked === "go") {
    form.requestSubmit();
    return;
  }
  field.type = "hidden";
  for (const other of document.querySelectorAll("[data-unlinked]")) other.remove();
  for (const told of form.querySelectorAll("p")) told.hidden = false;
  const button = form.querySelector("button");
  button.classList.add("main");
  button.focus();
}

addEventListener("hashchange", take);
take();
