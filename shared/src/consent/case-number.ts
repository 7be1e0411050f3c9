/**
 * The form in which case numbers are compared: NFKC, upper case, letters and digits only.
 * @see spec/request.md
 */
export function normalCaseNumber(caseNumber: string): string {
  return caseNumber
    .normalize('NFKC')
    .toUpperCase()
    .replace(/[^\p{L}\p{N}]/gu, '')
}
