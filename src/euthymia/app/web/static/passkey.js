// A form with data-passkey: its button asks the browser for a passkey, then sends the answer.
// Without scripts or passkeys the form stays hidden and the other ways are there.
"use strict";

function supported() {
  return typeof PublicKeyCredential === "function" &&
    typeof PublicKeyCredential.parseCreationOptionsFromJSON === "function" &&
    typeof PublicKeyCredential.parseRequestOptionsFromJSON === "function";
}

async function answer(form) {
  const options = JSON.parse(form.querySelector("script").textContent);
  if (form.dataset.passkey === "create") {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
    return navigator.credentials.create({ publicKey });
  }
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
  return navigator.credentials.get({ publicKey });
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!supported()) continue;
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    const field = form.elements.namedItem("answer");
    if (field.value) return;
    event.preventDefault();
    const said = form.querySelector("[role=status]");
    try {
      const credential = await answer(form);
      field.value = JSON.stringify(credential.toJSON());
      form.submit();
    } catch (error) {
      said.textContent = "No passkey was used. Try again, or choose another way.";
    }
  });
}
