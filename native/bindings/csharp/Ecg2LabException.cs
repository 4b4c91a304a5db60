using System;

namespace Ecg2Lab
{
    /// <summary>A call that failed. The message is the library's sentence: what is wrong, and what to do.</summary>
    public class Ecg2LabException : Exception
    {
        /// <summary>Of which kind.</summary>
        public Status Status { get; }

        internal Ecg2LabException(Status status, string message) : base(message) { Status = status; }
    }

    /// <summary>The library understood the question and does not answer it.</summary>
    public sealed class RefusedException : Ecg2LabException
    {
        /// <summary>Why, with a verdict for each lead and the faults of the recording; it has no findings.</summary>
        public Result Result { get; }

        internal RefusedException(Result result) : base(result.Status, result.Message) { Result = result; }
    }
}
