// Asks in a dialog before a form with data-confirm is sent.
export function attach(form) {
  let answered = false;
  form.addEventListener("submit", (event) => {
    if (answered) return (answered = false);
    event.preventDefault();
    event.stopImmediatePropagation();
    const { submitter } = event;
    ask(form.dataset, (yes) => {
      answered = yes;
      if (yes) form.requestSubmit(submitter);
    });
  }, { capture: true });
}

function ask({ confirm, confirmButton, confirmDanger }, answer) {
  const box = document.getElementById("confirm-box");
  const yes = box.querySelector("[value=yes]");
  box.querySelector("#confirm-text").textContent = confirm;
  if (confirmButton) yes.textContent = confirmButton;
  yes.classList.toggle("button--danger-fill", confirmDanger !== undefined);
  yes.classList.toggle("button--primary", confirmDanger === undefined);
  box.returnValue = "no";
  box.addEventListener("close", () => answer(box.returnValue === "yes"), { once: true });
  box.showModal();
}
