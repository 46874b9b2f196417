// Sends the form at the sixth digit; anything but digits is dropped.
export function attach(field) {
  field.addEventListener("input", () => {
    field.value = field.value.replace(/\D/g, "").slice(0, 6);
    if (field.value.length === 6) field.form.requestSubmit();
  });
}
