//! Values for the WASI stubs, made from nothing but the type that is asked for.

use wasmtime::StoreContextMut;
use wasmtime::component::types::Type;
use wasmtime::component::{Resource, Val};

use super::state::State;

/// Every WASI resource: a number without anything behind it.
pub(super) enum Stub {}

/// Cases that say no, best first.
const NO: [&str; 7] =
    ["access-denied", "access", "not-permitted", "permission-denied", "closed", "not-supported", "unsupported"];

/// A new resource that the plugin owns.
pub(super) fn own(rep: u32, store: &mut StoreContextMut<'_, State>) -> Result<Val, wasmtime::Error> {
    Ok(Val::Resource(Resource::<Stub>::new_own(rep).try_into_resource_any(store)?))
}

/// Gives back every handle inside a parameter and notes its number.
pub(super) fn release(
    param: &Val,
    store: &mut StoreContextMut<'_, State>,
    reps: &mut Vec<u32>,
) -> Result<(), wasmtime::Error> {
    match param {
        Val::Resource(any) => reps.push(any.try_into_resource::<Stub>(&mut *store)?.rep()),
        Val::List(list) | Val::Tuple(list) => {
            for value in list {
                release(value, store, reps)?;
            }
        }
        Val::Record(fields) => {
            for (_, value) in fields {
                release(value, store, reps)?;
            }
        }
        Val::Option(Some(value)) | Val::Variant(_, Some(value)) | Val::Result(Ok(Some(value)) | Err(Some(value))) => {
            release(value, store, reps)?;
        }
        _ => {}
    }
    Ok(())
}

/// Nothing, zero, empty, or an error that denies; none if the type has no such value.
pub(super) fn blank(ty: &Type, store: &mut StoreContextMut<'_, State>) -> Option<Val> {
    Some(match ty {
        Type::Bool => Val::Bool(false),
        Type::U8 => Val::U8(0),
        Type::U16 => Val::U16(0),
        Type::U32 => Val::U32(0),
        Type::U64 => Val::U64(0),
        Type::S32 => Val::S32(0),
        Type::S64 => Val::S64(0),
        Type::String => Val::String(String::new()),
        Type::List(_) => Val::List(Vec::new()),
        Type::Option(_) => Val::Option(None),
        Type::Flags(_) => Val::Flags(Vec::new()),
        Type::Own(_) => own(u32::MAX, store).ok()?,
        Type::Tuple(tuple) => Val::Tuple(tuple.types().map(|ty| blank(&ty, store)).collect::<Option<_>>()?),
        Type::Record(record) => Val::Record(
            record
                .fields()
                .map(|field| Some((field.name.to_owned(), blank(&field.ty, store)?)))
                .collect::<Option<_>>()?,
        ),
        Type::Result(result) => Val::Result(Err(match result.err() {
            Some(error) => Some(Box::new(denial(&error)?)),
            None => None,
        })),
        _ => return None,
    })
}

fn denial(ty: &Type) -> Option<Val> {
    match ty {
        Type::Enum(names) => {
            let best = NO.iter().find_map(|no| names.names().find(|name| name == no));
            Some(Val::Enum(best.or_else(|| names.names().last())?.to_owned()))
        }
        Type::Variant(variant) => {
            let plain: Vec<_> = variant.cases().filter(|case| case.ty.is_none()).map(|case| case.name).collect();
            let best = NO.iter().find_map(|no| plain.iter().find(|name| *name == no));
            Some(Val::Variant((*best.or_else(|| plain.first())?).to_owned(), None))
        }
        _ => None,
    }
}

/// Seconds and nanoseconds of epoch milliseconds.
pub(super) fn datetime(millis: i64) -> Val {
    let millis = u64::try_from(millis).unwrap_or(0);
    let nanos = u32::try_from(millis % 1_000 * 1_000_000).unwrap_or(0);
    Val::Record(vec![("seconds".to_owned(), Val::U64(millis / 1_000)), ("nanoseconds".to_owned(), Val::U32(nanos))])
}

/// The bytes of a `list<u8>`.
pub(super) fn bytes(list: Option<&Val>) -> Vec<u8> {
    match list {
        Some(Val::List(list)) => {
            list.iter().filter_map(|byte| if let Val::U8(byte) = byte { Some(*byte) } else { None }).collect()
        }
        _ => Vec::new(),
    }
}
