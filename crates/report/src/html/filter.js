(() => {
  const box = document.getElementById("filter");
  if (!box) return;
  const rows = [...document.querySelectorAll("#exposures tbody tr")];
  const texts = rows.map((row) => row.textContent.toLowerCase());
  const groups = [...document.querySelectorAll("#exposures details")];
  const open = groups.map((group) => group.open);
  const count = document.getElementById("shown");
  box.parentElement.hidden = false;
  box.addEventListener("input", () => {
    const words = box.value.toLowerCase().split(/\s+/);
    let shown = 0;
    rows.forEach((row, at) => {
      const fits = words.every((word) => texts[at].includes(word));
      row.hidden = !fits;
      shown += fits;
    });
    groups.forEach((group, at) => {
      const some = group.querySelector("tbody tr:not([hidden])") !== null;
      group.hidden = !some;
      group.open = box.value ? some : open[at];
    });
    count.textContent = box.value ? shown + " shown" : "";
  });
})();
