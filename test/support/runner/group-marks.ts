/** The names of the tests that separate the files of a group. */

export const BEGINNING = 'the file begins: ';
export const ENDING = 'the files have ended';
