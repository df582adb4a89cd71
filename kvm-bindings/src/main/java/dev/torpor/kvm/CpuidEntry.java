package dev.torpor.kvm;

/**
 * What CPUID answers for one leaf and subleaf (section 4.20).
 *
 * @param function the leaf, given in EAX
 * @param index the subleaf, given in ECX
 * @param flags {@link #SIGNIFICANT_INDEX}, or 0 where the subleaf does not matter
 * @param eax the answer in EAX
 * @param ebx the answer in EBX
 * @param ecx the answer in ECX
 * @param edx the answer in EDX
 */
public record CpuidEntry(int function, int index, int flags, int eax, int ebx, int ecx, int edx) {

  /** The subleaf matters. */
  public static final int SIGNIFICANT_INDEX = 1;

  /**
   * The same leaf with other answers.
   *
   * @param newEax the answer in EAX
   * @param newEbx the answer in EBX
   * @param newEcx the answer in ECX
   * @param newEdx the answer in EDX
   * @return a new entry
   */
  public CpuidEntry withAnswers(int newEax, int newEbx, int newEcx, int newEdx) {
    return new CpuidEntry(function, index, flags, newEax, newEbx, newEcx, newEdx);
  }
}
