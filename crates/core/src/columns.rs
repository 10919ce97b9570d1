//! Growing columns that become Arrow arrays without copying.

use std::sync::Arc;

use arrow_array::types::ArrowPrimitiveType;
use arrow_array::{ArrayRef, BinaryArray, BooleanArray, ListArray, PrimitiveArray, StringArray};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field};

/// Offsets of variable-length values; 32 bits are enough, because a batch has at most some
/// thousand rows of a few kilobytes, and is cut by its trajectory points.
#[derive(Clone)]
struct Offsets(Vec<i32>);

impl Default for Offsets {
    fn default() -> Self {
        Self(vec![0])
    }
}

impl Offsets {
    fn push(&mut self, end: usize) {
        debug_assert!(i32::try_from(end).is_ok(), "a batch was not cut in time");
        self.0.push(i32::try_from(end).unwrap_or(i32::MAX));
    }

    fn into_buffer(self) -> OffsetBuffer<i32> {
        OffsetBuffer::new(ScalarBuffer::from(self.0))
    }
}

/// A column of text.
#[derive(Default)]
pub struct Texts {
    offsets: Offsets,
    bytes: Vec<u8>,
}

impl Texts {
    /// Append one value.
    pub fn push(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
        self.offsets.push(self.bytes.len());
    }

    /// Values so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.offsets.0.len() - 1
    }

    /// Whether there is no value yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The finished array.
    #[must_use]
    pub fn into_array(self) -> ArrayRef {
        let array =
            StringArray::new(self.offsets.into_buffer(), Buffer::from_vec(self.bytes), None);
        Arc::new(array)
    }
}

/// A column of bytes.
#[derive(Default)]
pub struct Blobs {
    offsets: Offsets,
    bytes: Vec<u8>,
}

impl Blobs {
    /// Append one value.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.offsets.push(self.bytes.len());
    }

    /// The finished array.
    #[must_use]
    pub fn into_array(self) -> ArrayRef {
        let bytes = Buffer::from_vec(self.bytes);
        Arc::new(BinaryArray::new(self.offsets.into_buffer(), bytes, None))
    }
}

/// A column of numbers, any of which may be null.
pub struct Numbers<T: ArrowPrimitiveType> {
    values: Vec<T::Native>,
    is_valid: Vec<bool>,
    has_nulls: bool,
}

impl<T: ArrowPrimitiveType> Default for Numbers<T> {
    fn default() -> Self {
        Self { values: vec![], is_valid: vec![], has_nulls: false }
    }
}

impl<T: ArrowPrimitiveType> Numbers<T> {
    /// Append a value.
    pub fn push(&mut self, value: T::Native) {
        self.values.push(value);
        if self.has_nulls {
            self.is_valid.push(true);
        }
    }

    /// Append a value that may be absent.
    pub fn push_option(&mut self, value: Option<T::Native>) {
        if value.is_none() && !self.has_nulls {
            self.has_nulls = true;
            self.is_valid.resize(self.values.len(), true);
        }
        self.values.push(value.unwrap_or_default());
        if self.has_nulls {
            self.is_valid.push(value.is_some());
        }
    }

    /// The finished array.
    #[must_use]
    pub fn into_array(self) -> ArrayRef {
        let nulls = self.has_nulls.then(|| NullBuffer::from(self.is_valid));
        Arc::new(PrimitiveArray::<T>::new(ScalarBuffer::from(self.values), nulls))
    }
}

/// A column of true and false.
#[derive(Default)]
pub struct Flags(Vec<bool>);

impl Flags {
    /// Append a value.
    pub fn push(&mut self, value: bool) {
        self.0.push(value);
    }

    /// The finished array.
    #[must_use]
    pub fn into_array(self) -> ArrayRef {
        Arc::new(BooleanArray::from(self.0))
    }
}

/// A column of lists of numbers.
pub struct NumberLists<T: ArrowPrimitiveType> {
    offsets: Offsets,
    values: Vec<T::Native>,
}

impl<T: ArrowPrimitiveType> Default for NumberLists<T> {
    fn default() -> Self {
        Self { offsets: Offsets::default(), values: vec![] }
    }
}

impl<T: ArrowPrimitiveType> NumberLists<T> {
    /// Append one list.
    pub fn push(&mut self, list: impl IntoIterator<Item = T::Native>) {
        self.values.extend(list);
        self.offsets.push(self.values.len());
    }

    /// Append one list that lies in memory.
    pub fn push_slice(&mut self, list: &[T::Native]) {
        self.values.extend_from_slice(list);
        self.offsets.push(self.values.len());
    }

    /// Numbers so far in all lists.
    #[must_use]
    pub fn value_count(&self) -> usize {
        self.values.len()
    }

    /// The finished array.
    #[must_use]
    pub fn into_array(self) -> ArrayRef {
        let values: ArrayRef =
            Arc::new(PrimitiveArray::<T>::new(ScalarBuffer::from(self.values), None));
        list_of(self.offsets, T::DATA_TYPE, values)
    }
}

/// A column of lists of text.
#[derive(Default)]
pub struct TextLists {
    offsets: Offsets,
    texts: Texts,
}

impl TextLists {
    /// Append one list.
    pub fn push<'a>(&mut self, list: impl IntoIterator<Item = &'a str>) {
        for text in list {
            self.texts.push(text);
        }
        self.offsets.push(self.texts.len());
    }

    /// The finished array.
    #[must_use]
    pub fn into_array(self) -> ArrayRef {
        list_of(self.offsets, DataType::Utf8, self.texts.into_array())
    }
}

/// The field of list items; never null.
#[must_use]
pub fn item_field(item: DataType) -> Arc<Field> {
    Arc::new(Field::new_list_field(item, false))
}

fn list_of(offsets: Offsets, item: DataType, values: ArrayRef) -> ArrayRef {
    Arc::new(ListArray::new(item_field(item), offsets.into_buffer(), values, None))
}
