using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using System.Text;

namespace Ecg2Lab
{
    // What the library points to, copied: nothing of it is held when a call has returned.
    static class Memory
    {
        public static UIntPtr Size<T>() { return (UIntPtr)Marshal.SizeOf<T>(); }

        public static string Text(IntPtr text)
        {
            if (text == IntPtr.Zero) return null;
            int length = 0;
            while (Marshal.ReadByte(text, length) != 0) ++length;
            var bytes = new byte[length];
            Marshal.Copy(text, bytes, 0, length);
            return Encoding.UTF8.GetString(bytes);
        }

        public static IReadOnlyList<string> Texts(IntPtr pointers, UIntPtr count)
        {
            var all = new string[(int)count];
            for (int i = 0; i < all.Length; ++i) all[i] = Text(Marshal.ReadIntPtr(pointers, i * IntPtr.Size));
            return all;
        }

        // The struct behind a pointer; null where there is none.
        public static TTo One<TFrom, TTo>(IntPtr at, Func<TFrom, TTo> copy) where TTo : class
        {
            return at == IntPtr.Zero ? null : copy(Marshal.PtrToStructure<TFrom>(at));
        }

        // The structs behind an array of pointers.
        public static IReadOnlyList<TTo> List<TFrom, TTo>(IntPtr pointers, UIntPtr count, Func<TFrom, TTo> copy)
        {
            var all = new TTo[(int)count];
            for (int i = 0; i < all.Length; ++i)
            {
                all[i] = copy(Marshal.PtrToStructure<TFrom>(Marshal.ReadIntPtr(pointers, i * IntPtr.Size)));
            }
            return all;
        }

        // Structs one after another.
        public static IReadOnlyList<TTo> Array<TFrom, TTo>(IntPtr structs, UIntPtr count, Func<TFrom, TTo> copy)
        {
            var all = new TTo[(int)count];
            int size = Marshal.SizeOf<TFrom>();
            for (int i = 0; i < all.Length; ++i) all[i] = copy(Marshal.PtrToStructure<TFrom>(structs + i * size));
            return all;
        }
    }

    // What is handed to the library, in its memory for the time of a call.
    sealed class Lent : IDisposable
    {
        readonly List<IntPtr> blocks = new List<IntPtr>();
        readonly List<GCHandle> pinned = new List<GCHandle>();

        public IntPtr Text(string text)
        {
            if (text == null) return IntPtr.Zero;
            if (text.IndexOf('\0') >= 0) throw new ArgumentException("a text that is handed to ecg2lab has a zero character");
            byte[] bytes = Encoding.UTF8.GetBytes(text + "\0");
            IntPtr block = Allocate(bytes.Length);
            Marshal.Copy(bytes, 0, block, bytes.Length);
            return block;
        }

        public IntPtr Texts(IReadOnlyCollection<string> texts)
        {
            IntPtr pointers = Allocate(Math.Max(texts.Count, 1) * IntPtr.Size);
            int i = 0;
            foreach (string text in texts) Marshal.WriteIntPtr(pointers, IntPtr.Size * i++, Text(text));
            return pointers;
        }

        // Where it stands, without a copy; null is a null pointer.
        public IntPtr Array(Array numbers)
        {
            if (numbers == null) return IntPtr.Zero;
            pinned.Add(GCHandle.Alloc(numbers, GCHandleType.Pinned));
            return pinned[pinned.Count - 1].AddrOfPinnedObject();
        }

        public IntPtr Source(IReadOnlyDictionary<string, string> source)
        {
            IntPtr fields = Allocate(Math.Max(2 * source.Count, 1) * IntPtr.Size);
            int i = 0;
            foreach (KeyValuePair<string, string> field in source)
            {
                Marshal.WriteIntPtr(fields, IntPtr.Size * i++, Text(field.Key));
                Marshal.WriteIntPtr(fields, IntPtr.Size * i++, Text(field.Value));
            }
            return fields;
        }

        IntPtr Allocate(int size)
        {
            blocks.Add(Marshal.AllocHGlobal(size));
            return blocks[blocks.Count - 1];
        }

        public void Dispose()
        {
            foreach (IntPtr block in blocks) Marshal.FreeHGlobal(block);
            foreach (GCHandle array in pinned) array.Free();
        }
    }
}
