// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

public final class Fault {
  public final FaultCode code;
  /** True: it refuses the recording; false: a warning. */
  public final boolean refuses;
  /** Such as "wander". */
  public final String name;
  /** Null: of the whole recording. */
  public final String lead;
  /** Of a duplicate; else null. */
  public final String otherLead;
  public final double measured;
  public final double limit;
  /** In words. */
  public final String message;
  /** The same by code and parameters. Since ABI version 4. */
  public final Message said;

  Fault(Declarations.Fault from) {
    code = FaultCode.of(from.code);
    refuses = from.refuses == 1;
    name = Texts.read(from.name);
    lead = Texts.read(from.lead);
    otherLead = Texts.read(from.other_lead);
    measured = from.measured;
    limit = from.limit;
    message = Texts.read(from.message);
    said = from.said == null ? null : new Message(new Declarations.Message(from.said));
  }
}
