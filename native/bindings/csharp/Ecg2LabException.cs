using System;
using System.Collections.Generic;

namespace Ecg2Lab
{
    /// <summary>A call that failed. The message is the library's sentence: what is wrong, and what to do.</summary>
    public class Ecg2LabException : Exception
    {
        /// <summary>Of which kind.</summary>
        public Status Status { get; }

        /// <summary>The same by codes and parameters, one for each thing that is wrong, to be said in another language.</summary>
        public IReadOnlyList<Message> Messages { get; }

        internal Ecg2LabException(Status status, string message, IReadOnlyList<Message> messages) : base(message)
        {
            Status = status;
            Messages = messages;
        }
    }

    /// <summary>The library understood the question and does not answer it.</summary>
    public sealed class RefusedException : Ecg2LabException
    {
        /// <summary>Why, with a verdict for each lead and the faults of the recording; it has no findings.</summary>
        public Result Result { get; }

        internal RefusedException(Result result) : base(result.Status, result.Message, result.Messages) { Result = result; }
    }

    /// <summary>This device does not compute the model right: it must not be used here.</summary>
    public sealed class SelftestException : Ecg2LabException
    {
        /// <summary>Which numbers are off, and by how much.</summary>
        public SelftestReport Report { get; }

        internal SelftestException(SelftestReport report, IReadOnlyList<Message> messages) : base(report.Status, report.Message, messages)
        {
            Report = report;
        }
    }
}
