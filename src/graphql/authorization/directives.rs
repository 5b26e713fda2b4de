//! The three directives that say what a field needs. They are the only source: guard, SDL, descriptions and the
//! manifest are read from them.

use async_graphql::{
    TypeDirective,
    registry::{
        MetaDirectiveInvocation, Registry,
        location_traits::{
            Directive_At_ARGUMENT_DEFINITION, Directive_At_FIELD_DEFINITION,
            Directive_At_INPUT_FIELD_DEFINITION,
        },
    },
};

/// What a permission is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::graphql) enum Scope {
    /// The tenant as a whole: the answer is the same for each of its objects.
    Tenant,
    /// The object named by an argument, or the object that the field belongs to.
    Object,
}

impl Scope {
    pub(in crate::graphql) const fn name(self) -> &'static str {
        match self {
            Self::Tenant => "TENANT",
            Self::Object => "OBJECT",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Tenant, Self::Object].into_iter().find(|scope| scope.name() == name)
    }
}

/// A permission and what it is asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::graphql) struct Need {
    pub(in crate::graphql) resource: String,
    pub(in crate::graphql) action: String,
    pub(in crate::graphql) scope: Scope,
}

/// What stands on a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::graphql) enum Access {
    Public,
    SignedIn,
    Requires(Need),
}

impl Access {
    /// Reads the directives of a field; `None` when it carries none of the three, or more than one of them.
    pub(in crate::graphql) fn of(invocations: &[MetaDirectiveInvocation]) -> Option<Self> {
        let mut found = invocations.iter().filter_map(Self::read);
        let access = found.next()?;
        found.next().is_none().then_some(access)
    }

    fn read(invocation: &MetaDirectiveInvocation) -> Option<Self> {
        match invocation.name.as_str() {
            "public" => Some(Self::Public),
            "signedIn" => Some(Self::SignedIn),
            "requires" => {
                let text = |name: &str| match invocation.args.get(name)? {
                    async_graphql::Value::String(text) => Some(text.clone()),
                    _ => None,
                };
                let scope = Scope::parse(&text("scope")?)?;
                Some(Self::Requires(Need { resource: text("resource")?, action: text("action")?, scope }))
            }
            _ => None,
        }
    }
}

/// Anyone may read this field, signed in or not.
#[TypeDirective(location = "FieldDefinition")]
pub(in crate::graphql) fn public() {}

/// Needs a valid access token, and no permission.
#[TypeDirective(name = "signedIn", location = "FieldDefinition")]
pub(in crate::graphql) fn signed_in() {}

/// Needs the permission `resource:action` in the caller's tenant. With scope `OBJECT` it is asked about the object
/// that an argument names, or that the field belongs to; with scope `TENANT` about the tenant as a whole. On an
/// input field or an argument the permission is needed only when that is supplied.
#[TypeDirective(
    name = "requires",
    location = "FieldDefinition",
    location = "InputFieldDefinition",
    location = "ArgumentDefinition"
)]
fn requires_definition(resource: String, action: String, scope: String) {}

/// `@requires`, applied with the words of the permission model instead of three owned strings.
#[expect(non_camel_case_types, reason = "the derive takes the directive's name from this path")]
pub(in crate::graphql) struct requires;

impl requires {
    pub(in crate::graphql) fn apply(resource: &str, action: &str, scope: Scope) -> MetaDirectiveInvocation {
        requires_definition::apply(resource.to_owned(), action.to_owned(), scope.name().to_owned())
    }
}

impl TypeDirective for requires {
    fn name(&self) -> std::borrow::Cow<'static, str> {
        requires_definition.name()
    }

    fn register(&self, registry: &mut Registry) {
        requires_definition.register(registry);
    }
}

impl Directive_At_FIELD_DEFINITION for requires {}
impl Directive_At_INPUT_FIELD_DEFINITION for requires {}
impl Directive_At_ARGUMENT_DEFINITION for requires {}
