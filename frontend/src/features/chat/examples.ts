/** Prompts that a new chat offers; each is sent as it stands. The bundled model can answer them. */
export const examples = [
  "Plot a sine wave",
  "What is 2 to the power of 64?",
  "Sort the numbers 5, 3, 8 and 1",
  "Reverse the string 'hello'",
] as const;
