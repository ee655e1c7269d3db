// Opens the residents' form with its mark at once. Without script the officer presses the button.

document.getElementById("caller-form").submit();
