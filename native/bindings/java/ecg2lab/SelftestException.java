package ecg2lab;

import java.util.List;

/** This device does not compute the model right: it must not be used here. */
public final class SelftestException extends Ecg2LabException {
  private static final long serialVersionUID = 1;
  /** Which numbers are off, and by how much. */
  public final transient SelftestReport report;

  SelftestException(SelftestReport report, List<Message> messages) {
    super(report.status, report.message, messages);
    this.report = report;
  }
}
