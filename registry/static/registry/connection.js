// Shows the fields that the chosen engine uses. Without it all are shown, and the server says what does not belong.
document.addEventListener("DOMContentLoaded", () => {
  const engine = document.getElementById("id_engine");
  if (!engine) return;
  const fields = [...document.querySelectorAll("[data-engines]")];
  const show = () => {
    for (const field of fields) {
      const row = field.closest(".form-row");
      const used = !engine.value || field.dataset.engines.split(" ").includes(engine.value);
      // What is filled in, or was refused, stays in sight.
      const kept = (field.tagName !== "SELECT" && field.value) || row.querySelector(".errorlist");
      row.classList.toggle("hidden", !used && !kept);
    }
  };
  engine.addEventListener("change", show);
  show();
});
