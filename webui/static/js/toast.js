// Short messages; good ones leave by themselves unless the pointer or the focus rests on them.
const STAY = 6000;

export function toast(words, tone = "good") {
  const shape = document.getElementById(`toast-${tone}`) ?? document.getElementById("toast-info");
  // A page that was emptied because somebody signed out (signed_in.js) has nothing more to say.
  if (!shape) return;
  const element = shape.content.firstElementChild.cloneNode(true);
  element.querySelector(".grow").textContent = words;
  document.getElementById("toasts").append(element);
  attach(element);
}

export function attach(element) {
  element.querySelector("[data-dismiss]").addEventListener("click", () => element.remove());
  if (element.classList.contains("toast--good")) leaveLater(element);
}

function leaveLater(element) {
  setTimeout(() => (element.matches(":hover, :focus-within") ? leaveLater(element) : element.remove()), STAY);
}
